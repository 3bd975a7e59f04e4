import Foundation
import Imaging

/// The pictures of a folder, sorted by name.
struct PictureFolder {
  let path: String
  /// Names with their extensions.
  let names: [String]

  /// - Throws: `BenchmarkError` where the folder is missing or has no pictures.
  init(_ path: String) throws {
    self.path = path
    guard let entries = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      throw BenchmarkError("\(path): no such folder")
    }
    names = entries.filter {
      ImageFormat.readableExtensions.contains(($0 as NSString).pathExtension.lowercased())
    }.sorted()
    guard !names.isEmpty else { throw BenchmarkError("\(path): no pictures in this folder") }
  }

  func file(_ name: String) -> String { (path as NSString).appendingPathComponent(name) }

  /// The picture with the same name up to the extension.
  func counterpart(of name: String) throws -> String {
    let wanted = stem(name)
    guard let found = names.first(where: { stem($0) == wanted }) else {
      throw BenchmarkError("\(path): no picture named \(wanted)")
    }
    return file(found)
  }
}

/// A name without its extension.
func stem(_ name: String) -> String { (name as NSString).deletingPathExtension }

/// A picture file as RGB of 8 bit without alpha.
func readRGB(_ path: String) throws -> Image {
  let image = try ImageFile.read(path)
  if image.channels == 3, image.bitDepth == 8 { return image }
  let planes = image.planes()
  return Image((image.hasAlpha ? planes.channels(0..<image.channels - 1) : planes).asRGB)
}

extension Image {
  /// The middle, at most `width` x `height` pixels, with sides that are multiples of `unit` and corners
  /// that are, too.
  func centre(width limitX: Int, height limitY: Int, unit: Int = 1) -> Image {
    cropped(to: rect.centre(width: limitX, height: limitY, unit: unit))
  }
}

extension PixelRect {
  func centre(width limitX: Int, height limitY: Int, unit: Int = 1) -> PixelRect {
    let (w, h) = (min(limitX, width) / unit * unit, min(limitY, height) / unit * unit)
    return PixelRect(
      x: x + (width - w) / 2 / unit * unit, y: y + (height - h) / 2 / unit * unit, width: w,
      height: h)
  }
}

/// Why a benchmark cannot run, in one line.
struct BenchmarkError: LocalizedError, CustomStringConvertible {
  let description: String
  var errorDescription: String? { description }

  init(_ description: String) { self.description = description }
}
