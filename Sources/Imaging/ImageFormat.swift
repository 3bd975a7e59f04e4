import CVips
import Foundation

/// A file format pictures are written in.
public enum ImageFormat: String, CaseIterable, Sendable {
  case jpeg, png, webp, tiff, avif, jxl

  /// Extensions in lower case, the customary one first.
  public var fileExtensions: [String] {
    switch self {
    case .jpeg: ["jpg", "jpeg", "jpe"]
    case .png: ["png"]
    case .webp: ["webp"]
    case .tiff: ["tif", "tiff"]
    case .avif: ["avif"]
    case .jxl: ["jxl"]
    }
  }

  /// The format a name's extension stands for ("photo.JPG" → jpeg), or nil.
  public init?(path: String) {
    let suffix = (path as NSString).pathExtension.lowercased()
    guard let format = ImageFormat.allCases.first(where: { $0.fileExtensions.contains(suffix) })
    else { return nil }
    self = format
  }

  /// Extensions of the files that a folder is searched for.
  public static let readableExtensions: Set<String> = Set(
    ImageFormat.allCases.flatMap(\.fileExtensions)
      + ["heic", "heif", "gif", "ppm", "pgm", "pnm"])

  public var supportsAlpha: Bool { self != .jpeg }
  public var supports16Bit: Bool { self != .jpeg && self != .webp }

  /// Whether colours pass through unchanged (PNG, TIFF) or may be lossy.
  public var isAlwaysLossless: Bool { self == .png || self == .tiff }

  /// Whether the EXIF block is written; libvips has no place for it in TIFF and JPEG XL files.
  public var keepsExif: Bool { self != .tiff && self != .jxl }

  /// Largest width and height the format (or its encoder) can store, pixels.
  public var maximumDimension: Int {
    switch self {
    case .jpeg: 65_500
    case .webp: 16_383
    case .avif: 16_384
    case .png, .tiff, .jxl: 1_000_000
    }
  }

  /// Whether the installed libvips can write the format.
  public var isWritable: Bool { cvips_can_write(native) }

  var native: cvips_format {
    switch self {
    case .jpeg: CVIPS_JPEG
    case .png: CVIPS_PNG
    case .webp: CVIPS_WEBP
    case .tiff: CVIPS_TIFF
    case .avif: CVIPS_AVIF
    case .jxl: CVIPS_JXL
    }
  }
}

/// How a picture is encoded.
public struct EncodingOptions: Sendable {
  /// 1...100, for the lossy formats.
  public var quality: Int
  /// 0...9: more is smaller and slower.
  public var effort: Int
  /// WebP, AVIF and JPEG XL without loss.
  public var lossless: Bool
  /// JPEG and PNG that appear gradually while they load.
  public var progressive: Bool

  public init(quality: Int = 92, effort: Int = 4, lossless: Bool = false, progressive: Bool = false)
  {
    self.quality = min(max(quality, 1), 100)
    self.effort = min(max(effort, 0), 9)
    self.lossless = lossless
    self.progressive = progressive
  }
}
