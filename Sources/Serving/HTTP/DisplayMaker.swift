import Files
import Foundation
import Imaging

/// Makes versions of pictures that every browser shows: upright, sRGB, 8 bit, and no larger than
/// what is looked at. One at a time, since some formats are decoded as a whole.
struct DisplayMaker: Sendable {
  enum Display {
    /// It is in the store, so many bytes.
    case kept(Int)
    /// There was no room for it.
    case unkept(Data)
  }

  let store: JobStore
  let limits: ServiceLimits
  private let turns = Turns(1)

  init(store: JobStore, limits: ServiceLimits) { (self.store, self.limits) = (store, limits) }

  /// Bounds that WebP and the memory of a phone's browser have.
  private static let bounds = ReductionBounds(side: 16383, pixels: 24_000_000)

  /// - Throws: `JobError.missing` where the job is gone; `Problem` where its picture cannot be
  ///   decoded.
  func display(_ job: Job, _ kind: JobFiles.Kind) async throws -> Display {
    if let count = try await store.files.size(job.id, kind.display) { return .kept(count) }
    return try await turns.take {
      // Somebody else's turn may have been for it.
      if let count = try await store.files.size(job.id, kind.display) { return .kept(count) }
      return try await make(job, kind)
    }
  }

  private func make(_ job: Job, _ kind: JobFiles.Kind) async throws -> Display {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let output = folder.path + "/display.webp"
    // What came out of a restoration needs no limits; of an input the page is shown that was
    // asked for.
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
  /// What is shown in the place of the picture.
  var display: JobFiles.Kind { self == .input ? .inputDisplay : .display }
}

/// A small version of a result, for lists.
enum Thumbnail {
  /// WebP, with alpha where the picture has it. It blocks the thread.
  /// - Parameters:
  ///   - path: of the result.
  ///   - folder: where a file is made, which is removed.
  /// - Throws: `ImagingError`.
  static func make(of path: String, in folder: String) throws -> Data {
    let output = folder + "/thumbnail.webp"
    defer { try? FileManager.default.removeItem(atPath: output) }
    try ImageFile.reduce(path, .unlimited, to: output, ReductionBounds(side: 768), quality: 80)
    return try Data(contentsOf: URL(fileURLWithPath: output))
  }
}

extension ReadOptions {
  /// For files of our own.
  fileprivate static let unlimited = ReadOptions(maximumDimension: .max, maximumPixels: .max)
}
