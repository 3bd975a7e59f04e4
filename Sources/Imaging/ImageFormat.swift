import CVips
import Foundation

/// A file format in which pictures can be written.
public enum ImageFormat: String, CaseIterable, Sendable {
  case jpeg, png, webp, tiff, avif, jxl

  /// The format's name in messages.
  public var name: String {
    switch self {
    case .webp: "WebP"
    case .jxl: "JPEG XL"
    case .jpeg, .png, .tiff, .avif: rawValue.uppercased()
    }
  }

  /// File name extensions in lower case, the most common one first.
  public var fileExtensions: [String] {
    switch self {
    case .jpeg: ["jpg", "jpeg", "jpe", "jfif"]
    case .png: ["png"]
    case .webp: ["webp"]
    case .tiff: ["tif", "tiff"]
    case .avif: ["avif"]
    case .jxl: ["jxl"]
    }
  }

  /// The format of a file name's extension ("photo.JPG" → jpeg), or nil.
  public init?(path: String) {
    let suffix = (path as NSString).pathExtension.lowercased()
    guard let format = ImageFormat.allCases.first(where: { $0.fileExtensions.contains(suffix) })
    else { return nil }
    self = format
  }

  /// The format of an output's name; nil if its extension is not a picture's, so that it may name a
  /// folder.
  ///
  /// Throws `ImagingError.unwritableFormat` if the extension is that of a picture format that
  /// cannot be written, such as "a.gif".
  public static func output(path: String) throws -> ImageFormat? {
    if let format = ImageFormat(path: path) { return format }
    let suffix = (path as NSString).pathExtension.lowercased()
    guard let name = unwritable[suffix] else { return nil }
    throw ImagingError.unwritableFormat(path: path, name: name)
  }

  /// Extensions of the files that are found in folders.
  public static let readableExtensions: Set<String> = Set(
    ImageFormat.allCases.flatMap(\.fileExtensions)
      + [
        "heic", "heif", "gif", "ppm", "pgm", "pbm", "pnm", "pfm", "bmp", "dib", "jp2", "j2k",
        "j2c", "jpc", "jpf", "jpx",
      ])

  /// The picture formats that cannot be written, by extension.
  private static let unwritable = [
    "gif": "GIF", "bmp": "BMP", "dib": "BMP", "ico": "ICO", "cur": "ICO", "heic": "HEIC",
    "heif": "HEIF", "jp2": "JPEG 2000", "j2k": "JPEG 2000", "jpx": "JPEG 2000", "jpf": "JPEG 2000",
    "j2c": "JPEG 2000", "jpc": "JPEG 2000", "ppm": "PPM", "pgm": "PGM", "pbm": "PBM", "pnm": "PNM",
    "pam": "PAM", "pfm": "PFM", "hdr": "Radiance HDR", "exr": "OpenEXR", "svg": "SVG",
    "pdf": "PDF", "eps": "EPS", "psd": "PSD", "psb": "PSB", "xcf": "XCF", "tga": "TGA",
    "pcx": "PCX", "dng": "DNG", "cr2": "CR2", "cr3": "CR3", "nef": "NEF", "arw": "ARW",
    "raf": "RAF", "orf": "ORF", "rw2": "RW2", "pef": "PEF", "fits": "FITS",
  ]

  /// ".jpg, .png, ...", for messages.
  static var listedExtensions: String {
    allCases.map { ".\($0.fileExtensions[0])" }.joined(separator: ", ")
  }

  /// Whether the size and the loss depend on a quality setting.
  public var hasQuality: Bool { self != .png && self != .tiff }
  public var supportsAlpha: Bool { self != .jpeg }
  public var supports16Bit: Bool { self != .jpeg && self != .webp }

  /// The largest width and height that the format or its encoder supports, in pixels.
  public var maximumDimension: Int {
    switch self {
    case .jpeg: 65_500
    case .webp: 16_383
    case .avif: 16_384
    case .png, .tiff, .jxl: 1_000_000
    }
  }

  /// Whether the installed libvips can write the format.
  public var isWritable: Bool { (try? ImageFile.start()) != nil && cvips_can_write(native) }

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

/// Options of the encoding.
public struct EncodingOptions: Sendable {
  /// The quality of lossy formats, 1...100.
  public var quality: Int
  public static let qualities = 1...100
  /// The size of the file at most, metadata included: the quality is lowered as far as it takes.
  /// nil: any. For the lossy formats; others are refused.
  public var maximumBytes: Int?
  /// 0...9: more is smaller and slower.
  public var effort: Int
  /// Lossless WebP, AVIF and JPEG XL.
  public var lossless: Bool
  /// JPEG and PNG that are displayed progressively while they load.
  public var progressive: Bool

  public init(
    quality: Int = 92, maximumBytes: Int? = nil, effort: Int = 4, lossless: Bool = false,
    progressive: Bool = false
  ) {
    self.quality = min(max(quality, Self.qualities.lowerBound), Self.qualities.upperBound)
    self.maximumBytes = maximumBytes
    self.effort = min(max(effort, 0), 9)
    self.lossless = lossless
    self.progressive = progressive
  }

  /// Whether the options apply to a format.
  ///
  /// - Parameters:
  ///   - format: the format of the file.
  ///   - path: the path of the file, for the message.
  /// - Throws: `ImagingError` if the size is limited and the format has no quality to lower.
  public func check(_ format: ImageFormat, path: String) throws {
    guard maximumBytes != nil, lossless || !format.hasQuality else { return }
    throw ImagingError.unsupported(
      path: path,
      reason:
        "\(format.name)\(format.hasQuality ? " without loss" : "") has no quality to lower, so"
        + " the file's size cannot be limited; choose JPEG, WebP, AVIF or JPEG XL")
  }
}
