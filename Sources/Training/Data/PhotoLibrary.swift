import Files
import Foundation
import Imaging
import Torch

/// The picture files of a folder and those below it, decoded once and kept as 8-bit RGB within a
/// budget. Pictures that belong together, such as a pair, are one entry. Safe to use from several
/// threads.
///
/// `@unchecked`: what changes is private and used under `condition` alone.
final class PhotoLibrary: @unchecked Sendable {
  struct File {
    let path: String
    let width, height: Int
    var size: String { "\(width)x\(height)" }
  }

  struct Entry {
    let files: [File]
    /// Of the first picture.
    var width: Int { files[0].width }
    var height: Int { files[0].height }
    var area: Int { width * height }
  }

  let folder: String
  let entries: [Entry]
  private let budget: Int
  private let warn: @Sendable (String) -> Void
  private let condition = NSCondition()
  private var cached: [Int: [Image]] = [:]
  private var order: [Int] = []
  private var bytes = 0
  private var decoding: Set<Int> = []
  private var damaged: Set<Int> = []

  /// Every picture of the folder as an entry of its own.
  /// - Throws: `TrainingError.unreadableFolder`, or `.noPhotos` where nothing is left.
  convenience init(
    folder: String, smallest: Int, budget: Int, warn: @escaping @Sendable (String) -> Void
  ) throws {
    let files = try PhotoLibrary.pictureFiles(in: folder) { warn("skipped \($0)") }
    try self.init(
      folder: folder, entries: files.map { [folder + "/" + $0] }, smallest: smallest,
      budget: budget, warn: warn)
  }

  /// Reads the header of every picture; entries with a file that is no picture are skipped with a
  /// warning each.
  /// - Parameters:
  ///   - entries: the paths of each entry's pictures.
  ///   - smallest: entries whose first picture has a shorter side are left out.
  ///   - budget: bytes of decoded pictures that are kept.
  ///   - check: throws where the pictures of an entry do not fit together.
  /// - Throws: what `check` throws; `TrainingError.noPhotos` where nothing is left.
  init(
    folder: String, entries candidates: [[String]], smallest: Int, budget: Int,
    warn: @escaping @Sendable (String) -> Void, check: ([File]) throws -> Void = { _ in }
  ) throws {
    var entries: [Entry] = []
    var small = 0
    for paths in candidates {
      let files: [File]
      do {
        files = try paths.map {
          let reader = try ImageFile.open($0)
          return File(path: $0, width: reader.width, height: reader.height)
        }
      } catch {
        warn("skipped \(error)")
        continue
      }
      try check(files)
      if min(files[0].width, files[0].height) < smallest {
        small += 1
      } else {
        entries.append(Entry(files: files))
      }
    }
    if small > 0 { warn("skipped \(small) pictures smaller than \(smallest) pixels in \(folder)") }
    guard !entries.isEmpty else {
      throw TrainingError.noPhotos(
        folder: folder,
        reason:
          "none of its \(candidates.count) pictures can be used; they have to be readable and "
          + "at least \(smallest) pixels on the shorter side")
    }
    (self.folder, self.entries, self.budget, self.warn) = (folder, entries, budget, warn)
  }

  /// The picture files of a folder and those below it, relative to it, sorted.
  /// - Parameter report: receives each folder and file below that cannot be used.
  /// - Throws: `TrainingError.unreadableFolder`, or `.noPhotos` where there are none; what `report`
  ///   throws.
  static func pictureFiles(in folder: String, report: (ImagingError) throws -> Void) throws
    -> [String]
  {
    guard isFolder(folder) else { throw TrainingError.unreadableFolder(folder) }
    let found = PictureFiles(in: folder)
    for problem in found.problems { try report(problem.error) }
    // By whole paths: the order that a run's random choices refer to.
    let files = found.files.map(\.relativePath).sorted()
    guard !files.isEmpty else {
      throw TrainingError.noPhotos(
        folder: folder, reason: "holds no picture files (.jpg, .png, .webp, .tif, .jxl, ...)")
    }
    return files
  }

  /// Of the names below the folder and the sizes of all pictures.
  var fingerprint: UInt64 {
    entries.lazy.flatMap(\.files).reduce(0) { key, file in
      let name = file.path.dropFirst(folder.count).utf8.reduce(key) {
        RandomStream.key($0, UInt64($1))
      }
      return RandomStream.key(RandomStream.key(name, UInt64(file.width)), UInt64(file.height))
    }
  }

  /// The first picture of entry `index`.
  func photo(_ index: Int) -> Image? { pictures(index)?[0] }

  /// The pictures of entry `index` as 8-bit RGB; nil where a file is damaged, which is reported
  /// once.
  func pictures(_ index: Int) -> [Image]? {
    condition.lock()
    defer { condition.unlock() }
    while decoding.contains(index) { condition.wait() }
    if let images = cached[index] { return images }
    if damaged.contains(index) { return nil }
    decoding.insert(index)
    condition.unlock()
    let result = Result { try entries[index].files.map(PhotoLibrary.decode) }
    condition.lock()
    decoding.remove(index)
    condition.broadcast()
    switch result {
    case .success(let images):
      keep(images, index)
      return images
    case .failure(let error):
      damaged.insert(index)
      warn("skipped \(error)")
      return nil
    }
  }

  /// Whether every entry is damaged.
  var isExhausted: Bool {
    condition.lock()
    defer { condition.unlock() }
    return damaged.count == entries.count
  }

  /// The oldest entries make room for the new one.
  private func keep(_ images: [Image], _ index: Int) {
    func footprint(_ images: [Image]) -> Int { images.reduce(0) { $0 + $1.samples.count } }
    let size = footprint(images)
    guard size <= budget else { return }
    while bytes + size > budget {
      bytes -= footprint(cached.removeValue(forKey: order.removeFirst())!)
    }
    cached[index] = images
    order.append(index)
    bytes += size
  }

  private static func decode(_ file: File) throws -> Image {
    let image = try ImageFile.readRGB(file.path)
    guard image.width == file.width, image.height == file.height else {
      throw ImagingError.damaged(path: file.path, reason: "its size has changed")
    }
    return image
  }
}
