import Files
import Foundation
import Imaging

/// Makes versions of pictures that every browser can display: upright, sRGB, 8 bit, within the
/// given bounds. One at a time, since some formats are decoded as a whole.
struct DisplayMaker: Sendable {
  enum Display {
    /// Kept in the store; its size in bytes.
    case kept(Int)
    /// Not kept, since there was no room.
    case unkept(Data)
  }

  let store: JobStore
  let limits: ServiceLimits
  private let semaphore = AsyncSemaphore(1)

  init(store: JobStore, limits: ServiceLimits) { (self.store, self.limits) = (store, limits) }

  /// Within the limits of WebP and of the memory of mobile browsers.
  private static let bounds = ReductionBounds(side: 16383, pixels: 24_000_000)

  /// - Throws: `JobError.missing` if the job has been removed; `Problem` if its picture cannot be
  ///   decoded.
  func display(_ job: Job, _ kind: JobFiles.Kind) async throws -> Display {
    if let count = try await store.files.size(job.id, kind.display) { return .kept(count) }
    return try await semaphore.withPermit {
      // Another request may have made it while this one waited.
      if let count = try await store.files.size(job.id, kind.display) { return .kept(count) }
      return try await make(job, kind)
    }
  }

  private func make(_ job: Job, _ kind: JobFiles.Kind) async throws -> Display {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let output = folder.path + "/display.webp"
    // Results need no limits. Of an input, the page that was restored is displayed.
    var reading = kind == .input ? limits.reading : .unlimited
    if kind == .input { reading.page = job.order.settings.page.map { $0 - 1 } }
    let name = kind == .input ? job.order.input.name : job.order.output.name
    try await store.files.withFile(job.id, kind) { [reading] path in
      try await BlockingWork.run {
        do {
          try ImageFile.reduce(path, reading, to: output, Self.bounds, quality: 90)
        } catch let error as ImagingError {
          throw Problem(
            .unprocessableContent, "not_displayable",
            WebText.of(error, names: [path: name]))
        }
      }
    }
    do {
      try await store.files.keep(job.id, kind.display, from: output)
    } catch  where tellsOfFullDisk(error) {
      return .unkept(try Data(contentsOf: URL(fileURLWithPath: output)))
    }
    guard let count = try await store.files.size(job.id, kind.display) else {
      throw JobError.missing
    }
    return .kept(count)
  }
}

extension JobFiles.Kind {
  /// The kind under which the displayable version is kept.
  var display: JobFiles.Kind { self == .input ? .inputDisplay : .display }
}

/// A small version of a result, for lists.
enum Thumbnail {
  /// A WebP file, with alpha if the picture has it. Blocks the thread.
  /// - Parameters:
  ///   - path: the path of the result.
  ///   - folder: the folder for a temporary file.
  /// - Throws: `ImagingError`.
  static func make(of path: String, in folder: String) throws -> Data {
    let output = folder + "/thumbnail.webp"
    defer { try? FileManager.default.removeItem(atPath: output) }
    try ImageFile.reduce(path, .unlimited, to: output, ReductionBounds(side: 768), quality: 80)
    return try Data(contentsOf: URL(fileURLWithPath: output))
  }
}

extension ReadOptions {
  /// The options for files that this program has written.
  fileprivate static let unlimited = ReadOptions(maximumDimension: .max, maximumPixels: .max)
}
