import Foundation

/// A limit of the pixels of a picture that is read.
public enum PixelLimit: Hashable, Sendable, CustomStringConvertible {
  /// `ReadOptions.maximumDimension`.
  case side(Int)
  /// `ReadOptions.maximumPixels`.
  case area(Int)

  public var description: String {
    switch self {
    case .side(let pixels): "\(pixels) pixels a side"
    case .area(let pixels): "\(pixels) pixels"
    }
  }
}

/// Why a picture file cannot be read or written, in one line that names the file.
public enum ImagingError: LocalizedError, CustomStringConvertible, Equatable, Sendable {
  case missing(path: String)
  case notAFile(path: String)
  case unreadable(path: String, reason: String)
  case empty(path: String)
  case notAnImage(path: String, reason: String)
  case damaged(path: String, reason: String)
  case tooLarge(path: String, width: Int, height: Int, limit: PixelLimit)
  case noPage(path: String, page: Int, count: Int)
  case noPart(path: String, part: PixelRect, width: Int, height: Int)
  case unsupported(path: String, reason: String)
  /// The format has no alpha channel, and the picture is transparent somewhere.
  case noTransparency(path: String, format: String)
  case unknownFormat(path: String)
  case unwritableFormat(path: String, name: String)
  case incomplete(path: String, written: Int, height: Int)
  /// The file exceeds its size limit even at the lowest quality.
  case tooManyBytes(path: String, bytes: Int, limit: Int)
  case libraryUnavailable(reason: String)

  public var description: String {
    switch self {
    case .missing(let path):
      "\(path): no such file; check the path"
    case .notAFile(let path):
      "\(path): is a folder or a device, not a picture file"
    case .unreadable(let path, let reason):
      "\(path): cannot be read (\(reason)); check its permissions"
    case .empty(let path):
      "\(path): the file is empty"
    case .notAnImage(let path, let reason):
      "\(path): not a picture (\(reason));"
        + " JPEG, PNG, WebP, TIFF, HEIF, AVIF, JPEG XL, JPEG 2000, GIF, BMP and PNM can be read"
    case .damaged(let path, let reason):
      "\(path): the picture is damaged or truncated (\(reason)); copy or download it again"
    case .tooLarge(let path, let width, let height, let limit):
      "\(path): \(width)x\(height) pixels exceed the limit of \(limit)"
    case .noPage(let path, let page, let count):
      "\(path): no page \(page), counted from 0; the file has \(count)"
    case .noPart(let path, let part, let width, let height):
      "\(path): no part \(part); the picture has \(width)x\(height) pixels"
    case .unsupported(let path, let reason):
      "\(path): \(reason)"
    case .noTransparency(let path, let format):
      "\(path): \(format) stores no transparency; choose PNG, or put a colour behind the picture"
    case .unknownFormat(let path):
      "\(path): unknown output format; use one of \(ImageFormat.listedExtensions)"
    case .unwritableFormat(let path, let name):
      "\(path): cannot write \(name); use one of \(ImageFormat.listedExtensions)"
    case .incomplete(let path, let written, let height):
      "\(path): only \(written) of \(height) rows were written"
    case .tooManyBytes(let path, let bytes, let limit):
      "\(path): takes \(bytes) bytes at quality 1, more than the limit of \(limit); raise the limit,"
        + " make the picture smaller or leave out metadata"
    case .libraryUnavailable(let reason):
      reason
    }
  }

  public var errorDescription: String? { description }
}
