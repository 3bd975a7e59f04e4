import Files
import Foundation
import Imaging
import Torch

/// The picture files of a folder and its subfolders, cached as 8-bit RGB within a memory budget.
/// Pictures that belong together, such as a pair, are one entry. Safe to use from several threads.
final class PhotoLibrary: Sendable {
  struct File {
    let path: String
    let width, height: Int
    var size: String { "\(width)x\(height)" }
  }

  struct Entry {
    let files: [File]
    /// The size of the first picture.
    var width: Int { files[0].width }
    var height: Int { files[0].height }
    var area: Int { width * height }
  }

  let folder: String
  let entries: [Entry]
  private let warn: @Sendable (String) -> Void
  private let cache: Monitor<Cache>

  /// Decoded entries within a memory budget; the oldest make room for new ones.
  private struct Cache: Sendable {
    enum Claim { case decoded([Image]), damaged, claimed }

    let budget: Int
    var decoding: Set<Int> = []
    var damaged: Set<Int> = []
    private var decoded: [Int: [Image]] = [:]
    private var order: [Int] = []
    private var bytes = 0

    init(budget: Int) { self.budget = budget }

    /// The state of an entry. An entry that has not been decoded is claimed for decoding by the
    /// caller.
    mutating func claim(_ index: Int) -> Claim {
      if let images = decoded[index] { return .decoded(images) }
      if damaged.contains(index) { return .damaged }
      decoding.insert(index)
      return .claimed
    }

    mutating func keep(_ images: [Image], _ index: Int) {
      func footprint(_ images: [Image]) -> Int { images.reduce(0) { $0 + $1.samples.count } }
      let size = footprint(images)
      guard size <= budget else { return }
      while bytes + size > budget {
        bytes -= footprint(decoded.removeValue(forKey: order.removeFirst())!)
      }
      decoded[index] = images
      order.append(index)
      bytes += size
    }
  }

  /// Makes each picture of the folder an entry.
  /// - Throws: `TrainingError.unreadableFolder`, or `.noPhotos` where nothing is left.
  convenience init(
    folder: String, smallest: Int, budget: Int, warn: @escaping @Sendable (String) -> Void
  ) throws {
    let files = try PhotoLibrary.pictureFiles(in: folder) { warn("skipped \($0)") }
    try self.init(
      folder: folder, entries: files.map { [folder + "/" + $0] }, smallest: smallest,
      budget: budget, warn: warn)
  }

  /// Reads the header of every picture; entries with an unreadable file are skipped with a warning.
  /// - Parameters:
  ///   - entries: the paths of each entry's pictures.
  ///   - smallest: the smallest side of an entry's first picture in pixels; smaller entries are
  ///     left out.
  ///   - budget: the size of the cache of decoded pictures in bytes.
  ///   - check: throws where the pictures of an entry do not match.
  /// - Throws: the errors of `check`; `TrainingError.noPhotos` where no entry is left.
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
    (self.folder, self.entries, self.warn) = (folder, entries, warn)
    cache = Monitor(Cache(budget: budget))
  }

  /// The paths of the picture files in a folder and its subfolders, relative to it, sorted.
  /// - Parameter report: called with the error of each unusable file or subfolder.
  /// - Throws: `TrainingError.unreadableFolder`, or `.noPhotos` where there are no pictures; the
  ///   errors of `report`.
  static func pictureFiles(in folder: String, report: (ImagingError) throws -> Void) throws
    -> [String]
  {
    guard isFolder(folder) else { throw TrainingError.unreadableFolder(folder) }
    let found = PictureFiles(in: folder)
    for problem in found.problems { try report(problem.error) }
    // Sorted by whole paths, the order that a run's random choices depend on.
    let files = found.files.map(\.relativePath).sorted()
    guard !files.isEmpty else {
      throw TrainingError.noPhotos(
        folder: folder, reason: "holds no picture files (.jpg, .png, .webp, .tif, .jxl, ...)")
    }
    return files
  }

  /// A fingerprint of the relative names and the sizes of all pictures.
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

  /// The pictures of entry `index` as 8-bit RGB; nil where a file is damaged, which causes one
  /// warning.
  func pictures(_ index: Int) -> [Image]? {
    switch cache.wait(until: { !$0.decoding.contains(index) }, { $0.claim(index) }) {
    case .decoded(let images): return images
    case .damaged: return nil
    case .claimed: break
    }
    let result = Result { try entries[index].files.map(PhotoLibrary.decode) }
    return cache.withLock { cache in
      cache.decoding.remove(index)
      switch result {
      case .success(let images):
        cache.keep(images, index)
        return images
      case .failure(let error):
        cache.damaged.insert(index)
        warn("skipped \(error)")
        return nil
      }
    }
  }

  /// Whether every entry is damaged.
  var isExhausted: Bool { cache.withLock { $0.damaged.count == entries.count } }

  private static func decode(_ file: File) throws -> Image {
    let image = try ImageFile.readRGB(file.path)
    guard image.width == file.width, image.height == file.height else {
      throw ImagingError.damaged(path: file.path, reason: "its size has changed")
    }
    return image
  }
}
