import Foundation

/// The contents of a file besides its pixels, read from its container: whatever libvips ignores or
/// reads only in some places.
struct FileContents {
  /// The format's name, such as "JPEG".
  var format = ""
  var exif, xmp, iptc, iccProfile: [UInt8]?
  var cicp: CodePoints?
  /// The primaries and the curve, in files that state these instead of a profile.
  var calibration: (colors: Chromaticities, curve: ColorProfile.Curve)?
  var texts: [PictureText] = []
  var density: PixelDensity?
  /// Whether the container states the density, or that there is none; libvips takes numbers without
  /// a unit for pixels per millimetre.
  var statesDensity = false
  /// The number of frames of an animation, or of pages.
  var frameCount: Int?
  var gainMap: GainMap?
  /// Warnings about what is left out, a line each.
  var leftOut: [String] = []
  /// The reason why the pixels cannot be read, if libvips would misinterpret them.
  var unsupported: String?

  static let credentials = "content credentials (C2PA) are about the original picture and are"

  /// The largest size of a block that is read, in bytes.
  static let largestBlock = 64 << 20

  /// Whether the EXIF orientation does not apply to the pixels: TIFF has a tag of its own.
  var isExifUpright = true

  /// Reads the contents of a file in any format; none if it cannot be opened.
  static func read(_ path: String, page: Int) -> FileContents {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return FileContents() }
    defer { close(descriptor) }
    return read(FileBytes(descriptor: descriptor), page: page)
  }

  /// Reads the contents of a file in any format; none if the format is unknown.
  static func read(_ source: FileBytes, page: Int) -> FileContents {
    guard let head = source.read(0, 12) ?? source.read(0, 4) else { return FileContents() }
    let begins = { (bytes: [UInt8]) in head.starts(with: bytes) }
    let names = { (bytes: String) in head.count == 12 && head[4..<8].elementsEqual(bytes.utf8) }
    var (name, contents): (String, FileContents)
    if begins([0xff, 0xd8]) {
      (name, contents) = ("JPEG", JpegContainer.contents(source))
    } else if begins([0x89, 0x50, 0x4e, 0x47]) {
      (name, contents) = ("PNG", PngContainer.contents(source))
    } else if begins(Array("RIFF".utf8)) {
      (name, contents) = ("WebP", WebpContainer.contents(source))
    } else if begins(Array("GIF8".utf8)) {
      (name, contents) = ("GIF", GifContainer.contents(source))
    } else if begins(Array("BM".utf8)) {
      (name, contents) = ("BMP", BmpContainer.contents(source))
    } else if begins(Array("II".utf8)) || begins(Array("MM".utf8)) {
      (name, contents) = ("TIFF", TiffContainer.contents(source, page: page))
    } else if names("jP  ") {
      (name, contents) = ("JPEG 2000", Jp2Container.contents(source))
    } else if names("ftyp") {
      (name, contents) = (head[8..<11].elementsEqual("avi".utf8) ? "AVIF" : "HEIF", FileContents())
    } else if names("JXL ") || begins([0xff, 0x0a]) {
      (name, contents) = ("JPEG XL", FileContents())
    } else {
      (name, contents) = (begins(Array("P".utf8)) ? "PNM" : "", FileContents())
    }
    contents.format = name
    return contents
  }

  /// Warns about a block that no output has.
  mutating func leaveOut(_ what: String) {
    let line = "\(what) left out"
    if !leftOut.contains(line) { leftOut.append(line) }
  }
}
