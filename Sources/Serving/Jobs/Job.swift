import Foundation
import Imaging
import Upscaling

/// A picture that is to be restored, is, or has been.
public struct Job: Sendable {
  public enum State: String, Codable, CaseIterable, Sendable {
    case queued, running, succeeded, failed, cancelled

    public var isFinal: Bool { self != .queued && self != .running }
  }

  /// A picture's file as seen from outside.
  public struct Picture: Codable, Equatable, Sendable {
    public var width, height: Int
    /// nil: not yet known.
    public var bytes: Int?
    public var mediaType: String
    /// What the file is called where somebody keeps it.
    public var name: String
    /// What it holds or will hold; nil: of an order of an earlier version.
    public var summary: PictureSummary?

    /// The format, where it is one that is written.
    var format: ImageFormat? { ImageFormat.allCases.first { $0.mediaType == mediaType } }
  }

  /// What a client has asked for; never changed.
  struct Order: Codable, Equatable, Sendable {
    var settings: RestorationSettings
    var input, output: Picture
  }

  /// How far the work is.
  struct Progress: Codable, Equatable, Sendable {
    struct Count: Codable, Equatable, Sendable { var done, count: Int }

    /// 0...1.
    var share = 0.0
    /// Tiles of the picture, and scales of those under way.
    var tiles, scales: Count?
    var secondsLeft: Double?
  }

  let id: UUID
  /// Place in the order of arrival.
  let number: Int
  /// Grows with every change.
  let revision: Int
  /// The number of the last change, among those of all jobs.
  let changed: Int
  let state: State
  let order: Order
  let created: Date
  let started, finished, expires: Date?
  let progress: Progress?
  /// Grows with every new preview; nil: none yet.
  let preview: Int?
  /// Bytes of the result.
  let resultBytes: Int?
  let warnings: [String]
  let error: String?
  /// Whether somebody wants the work to end.
  let isCancelling: Bool
  /// How long the work took.
  let seconds: Double?
  /// The job whose input this one has; nil: an upload.
  let source: UUID?
  /// How many are before it in the queue, and itself; nil: it does not wait.
  var position: Int?

  /// The name of the result: "photo_x4.png" for "photo.jpg", "photo_crop_x4.png" for a part of it,
  /// "photo_x4_p002.png" for the second page of several.
  static func outputName(
    _ name: String, _ settings: RestorationSettings, _ format: ImageFormat, pages: Int = 1
  ) -> String {
    let stem = (name as NSString).deletingPathExtension
    let crop = settings.crop == nil ? "" : "_crop"
    let page =
      pages > 1
      ? settings.page.map { page in
        let digits = String(page)
        return "_p"
          + String(repeating: "0", count: max(0, max(3, "\(pages)".count) - digits.count)) + digits
      } ?? "" : ""
    return "\(stem)\(crop)\(settings.size.mark)\(page).\(format.fileExtensions[0])"
  }
}

extension ImageFormat {
  var mediaType: String {
    switch self {
    case .jpeg: "image/jpeg"
    case .png: "image/png"
    case .webp: "image/webp"
    case .tiff: "image/tiff"
    case .avif: "image/avif"
    case .jxl: "image/jxl"
    }
  }
}
