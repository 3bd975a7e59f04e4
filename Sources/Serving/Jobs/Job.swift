import Foundation
import Imaging
import Upscaling

/// A picture to restore, with the state of the work.
public struct Job: Sendable {
  public enum State: String, Codable, CaseIterable, Sendable {
    case queued, running, succeeded, failed, cancelled

    public var isFinal: Bool { self != .queued && self != .running }
  }

  /// A picture file in the API's terms.
  public struct Picture: Codable, Equatable, Sendable {
    public var width, height: Int
    /// nil: not known yet.
    public var bytes: Int?
    public var mediaType: String
    /// The file's name for users.
    public var name: String
    /// The contents of the file; nil: of an order of an earlier version.
    public var summary: PictureSummary?

    /// The format, if it is one that can be written.
    var format: ImageFormat? { ImageFormat.allCases.first { $0.mediaType == mediaType } }
  }

  /// The client's request, which never changes.
  struct Order: Codable, Equatable, Sendable {
    var settings: RestorationSettings
    var input, output: Picture
  }

  /// The progress of the work.
  struct Progress: Codable, Equatable, Sendable {
    struct Count: Codable, Equatable, Sendable { var done, count: Int }

    /// The share of the work that is done, 0...1.
    var share = 0.0
    /// The tiles of the picture, and the scales of the tiles being restored.
    var tiles, scales: Count?
    var secondsLeft: Double?
  }

  let id: UUID
  /// The position in the order of arrival.
  let number: Int
  /// Grows with every change.
  let revision: Int
  /// The number of the job's last change among the changes of all jobs.
  let changed: Int
  let state: State
  let order: Order
  let created: Date
  let started, finished, expires: Date?
  let progress: Progress?
  /// Grows with every new preview; nil: none yet.
  let preview: Int?
  /// The size of the result in bytes.
  let resultBytes: Int?
  let warnings: [String]
  let error: String?
  /// Whether cancellation has been requested.
  let isCancelling: Bool
  /// The duration of the work in seconds.
  let seconds: Double?
  /// The job whose input this one reuses; nil: the input was uploaded.
  let source: UUID?
  /// The position in the queue, from 1; nil: not queued.
  var position: Int?

  /// The file name of the result: "photo_x4.png" for "photo.jpg", "photo_crop_x4.png" for a crop,
  /// "photo_x4_p002.png" for the second of several pages.
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
