import Foundation
import Imaging

/// The picture files of a folder and those below it, decoded once and kept as 8-bit RGB within a budget.
/// Safe to use from several threads.
final class PhotoLibrary: @unchecked Sendable {
  struct Entry {
    let path: String
    let width, height: Int
  }

  let folder: String
  let entries: [Entry]
  private let budget: Int
  private let warn: @Sendable (String) -> Void
  private let condition = NSCondition()
  private var cached: [Int: Image] = [:]
  private var order: [Int] = []
  private var bytes = 0
  private var decoding: Set<Int> = []
  private var damaged: Set<Int> = []

  private static let extensions: Set<String> = [
    "jpg", "jpeg", "png", "webp", "tif", "tiff", "jxl", "avif", "heif", "heic", "ppm", "bmp",
  ]

  /// Reads the header of every picture; files that are no pictures are skipped with a warning each.
  /// - Parameters:
  ///   - smallest: pictures with a shorter side are left out.
  ///   - budget: bytes of decoded pictures that are kept.
  /// - Throws: `TrainingError.unreadableFolder`, or `.noPhotos` where nothing is left.
  init(
    folder: String, smallest: Int, budget: Int, warn: @escaping @Sendable (String) -> Void
  ) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder),
      isFolder.boolValue,
      let names = FileManager.default.enumerator(atPath: folder)
    else { throw TrainingError.unreadableFolder(folder) }
    let files = names.compactMap { $0 as? String }
      .filter { PhotoLibrary.extensions.contains(($0 as NSString).pathExtension.lowercased()) }
      .sorted()
    guard !files.isEmpty else {
      throw TrainingError.noPhotos(
        folder: folder, reason: "holds no picture files (.jpg, .png, .webp, .tif, .jxl, ...)")
    }
    var entries: [Entry] = []
    var small = 0
    for file in files {
      let path = folder + "/" + file
      do {
        let reader = try ImageFile.open(path)
        if min(reader.width, reader.height) < smallest {
          small += 1
        } else {
          entries.append(Entry(path: path, width: reader.width, height: reader.height))
        }
      } catch {
        warn("skipped \(error)")
      }
    }
    if small > 0 { warn("skipped \(small) pictures smaller than \(smallest) pixels in \(folder)") }
    guard !entries.isEmpty else {
      throw TrainingError.noPhotos(
        folder: folder,
        reason:
          "none of its \(files.count) picture files can be used; they have to be readable and "
          + "at least \(smallest) pixels on the shorter side")
    }
    (self.folder, self.entries, self.budget, self.warn) = (folder, entries, budget, warn)
  }

  /// Picture `index` as 8-bit RGB; nil where the file is damaged, which is reported once.
  func photo(_ index: Int) -> Image? {
    condition.lock()
    defer { condition.unlock() }
    while decoding.contains(index) { condition.wait() }
    if let image = cached[index] { return image }
    if damaged.contains(index) { return nil }
    decoding.insert(index)
    condition.unlock()
    let result = Result { try PhotoLibrary.decode(entries[index]) }
    condition.lock()
    decoding.remove(index)
    condition.broadcast()
    switch result {
    case .success(let image):
      keep(image, index)
      return image
    case .failure(let error):
      damaged.insert(index)
      warn("skipped \(error)")
      return nil
    }
  }

  /// Whether every picture is damaged.
  var isExhausted: Bool {
    condition.lock()
    defer { condition.unlock() }
    return damaged.count == entries.count
  }

  /// The oldest pictures make room for the new one.
  private func keep(_ image: Image, _ index: Int) {
    let size = image.samples.count
    guard size <= budget else { return }
    while bytes + size > budget {
      bytes -= cached.removeValue(forKey: order.removeFirst())!.samples.count
    }
    cached[index] = image
    order.append(index)
    bytes += size
  }

  private static func decode(_ entry: Entry) throws -> Image {
    let image = try ImageFile.read(entry.path)
    guard image.width == entry.width, image.height == entry.height else {
      throw ImagingError.damaged(path: entry.path, reason: "its size has changed")
    }
    let bytes = image.bytes
    if image.channels == 3 {
      return Image(width: image.width, height: image.height, channels: 3, samples: .u8(bytes))
    }
    let channels = image.channels
    let area = image.width * image.height
    let rgb = [UInt8](unsafeUninitializedCapacity: area * 3) { target, count in
      for pixel in 0..<area {
        for c in 0..<3 {
          target[pixel * 3 + c] = bytes[pixel * channels + (image.isGrey ? 0 : c)]
        }
      }
      count = area * 3
    }
    return Image(width: image.width, height: image.height, channels: 3, samples: .u8(rgb))
  }
}
