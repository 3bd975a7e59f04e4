import CVips
import Files
import Foundation
import Synchronization

/// Opens picture files in the formats of photos.
public enum ImageFile {
  /// Loads and starts libvips, as the first read or write does by itself.
  ///
  /// Throws `ImagingError.libraryUnavailable` if it is missing.
  public static func start() throws {
    if let reason = cvips_load() {
      throw ImagingError.libraryUnavailable(reason: String(cString: reason))
    }
    var text: UnsafeMutablePointer<CChar>?
    guard cvips_start(&text) == 0 else {
      throw ImagingError.libraryUnavailable(
        reason: "the image library libvips cannot be started: \(take(&text)); install it again")
    }
  }

  /// Reads the header of a JPEG, PNG, WebP, TIFF, HEIF/AVIF, JPEG XL, JPEG 2000, GIF, BMP or PNM
  /// file and checks its size.
  ///
  /// Pixels are decoded at the first read. Throws `ImagingError` if the file is missing, empty,
  /// unreadable, a folder, not a picture, without the requested page, or larger than the options
  /// allow.
  public static func open(_ path: String, options: ReadOptions = .init()) throws -> ImageReader {
    try ImageReader(path: path, options: options)
  }

  /// Reads a whole picture into memory. Throws as `open` does, and if the file is damaged.
  public static func read(_ path: String, options: ReadOptions = .init()) throws -> Image {
    try open(path, options: options).image()
  }
}

/// Random access to the pixels of one picture file, in bounded memory.
///
/// The EXIF orientation is applied; CMYK, Lab and palettes are converted to RGB, float samples to
/// 16 bit. Grey stays grey, 16 bit stays 16 bit, and alpha is kept, not premultiplied. Otherwise
/// samples are unchanged, and described by the ICC profile or the code points. Safe to use from
/// several threads.
public final class ImageReader: Sendable {
  public let path: String
  /// The name of the file's format, such as "JPEG".
  public let format: String
  public let width, height, channels, bitDepth: Int
  /// The profile (of the samples as they are read), EXIF, XMP and IPTC blocks, and texts.
  public let metadata: ImageMetadata
  /// The number of pages or frames in the file, of which one is read.
  public let pageCount: Int

  /// Unchecked: libvips reads a decoded picture from several threads; `state` guards decoding.
  nonisolated(unsafe) let picture: OpaquePointer
  private let options: ReadOptions
  /// The part of the whole picture that is read.
  let part: PixelRect
  private let openingWarnings: [String]
  private let state = Mutex(State())

  private struct State {
    var findings: cvips_findings?
    var meanColor: [Float]?
  }

  public var rect: PixelRect { PixelRect(width: width, height: height) }
  public var hasAlpha: Bool { channels == 2 || channels == 4 }
  public var isGrey: Bool { channels <= 2 }

  fileprivate init(path: String, options: ReadOptions) throws {
    try ImageReader.check(path)
    try ImageFile.start()
    var header = cvips_header()
    var text: UnsafeMutablePointer<CChar>?
    let page = options.page.map { Int32(clamping: max(0, $0)) } ?? -1
    guard let picture = cvips_open(path, page, &header, &text) else {
      throw ImageReader.openingError(path, take(&text), header.failure)
    }
    var contents = FileContents.read(path, page: Int(page))
    contents.add(header)
    if let reason = contents.unsupported {
      cvips_close(picture)
      throw ImagingError.unsupported(path: path, reason: reason)
    }
    self.path = path
    format = contents.format
    self.picture = picture
    self.options = options
    let native = cvips_get_metadata(picture)
    var metadata = ImageMetadata(
      iccProfile: data(native.icc), exif: data(native.exif), xmp: data(native.xmp),
      iptc: data(native.iptc), density: PixelDensity(perMillimetre: header.xres, header.yres))
    let lateOrientation = metadata.complete(with: contents, header)
    if let orientation = options.orientation ?? lateOrientation {
      cvips_set_orientation(picture, Int32(orientation), &header)
    }
    let whole = PixelRect(width: Int(header.width), height: Int(header.height))
    part = options.part ?? whole
    (width, height) = (part.width, part.height)
    channels = Int(header.channels)
    bitDepth = Int(header.bit_depth)
    if part != whole { metadata.gainMap = nil }
    metadata.source = ImageMetadata.Source(
      width: width, height: height, orientation: Int(header.orientation))
    self.metadata = metadata
    pageCount = contents.frameCount ?? Int(header.pages)
    var warnings: [String] = []
    if pageCount > 1 && options.page == nil {
      let which = contents.format == "HEIF" || contents.format == "AVIF" ? "main" : "first"
      warnings.append("only the \(which) of its \(pageCount) pages is read")
    }
    if header.converted { warnings.append("its colours are converted to sRGB") }
    if header.from_float {
      warnings.append(
        "its float samples are converted to 16 bit: 0 is black, 1 is white, others are clipped")
    }
    openingWarnings = warnings + contents.leftOut

    if let page = options.page, !(0..<pageCount).contains(page) {
      throw ImagingError.noPage(path: path, page: page, count: pageCount)
    }
    guard !part.isEmpty, whole.contains(part) else {
      throw ImagingError.noPart(path: path, part: part, width: whole.width, height: whole.height)
    }
    let limit: PixelLimit? =
      whole.width > options.maximumDimension || whole.height > options.maximumDimension
      ? .side(options.maximumDimension)
      : whole.width * whole.height > options.maximumPixels ? .area(options.maximumPixels) : nil
    if let limit {
      throw ImagingError.tooLarge(
        path: path, width: whole.width, height: whole.height, limit: limit)
    }
  }

  deinit { cvips_close(picture) }

  /// Warnings about differences from what the file's owner may expect, a line each; some only after
  /// decoding.
  public var warnings: [String] {
    let findings = state.withLock { $0.findings }
    var warnings = openingWarnings
    if findings?.lacks_end == true {
      warnings.append("the file lacks its last bytes; the picture is complete")
    }
    if findings?.damaged == true {
      warnings.append(
        "the file is damaged: parts of the picture may be wrong; copy or download it again")
    }
    return warnings
  }

  /// Whether no pixel is transparent. Throws as `decode` does.
  public func isOpaque() throws -> Bool { try !hasAlpha || decoded().opaque }

  /// Whether red, green and blue are equal everywhere up to a level of 8 bit, as in a black and
  /// white photo stored as RGB. Throws as `decode` does.
  public func isColorless() throws -> Bool { try !isGrey && decoded().colourless }

  /// Decodes the whole file now instead of at the first read, so that damage is found early.
  ///
  /// Throws `ImagingError.damaged` if the file is damaged or truncated, `FileError` if there is no
  /// room for it.
  public func decode() throws { _ = try decoded() }

  private func decoded() throws -> cvips_findings {
    try state.withLock { state in
      if let findings = state.findings { return findings }
      var text: UnsafeMutablePointer<CChar>?
      var findings = cvips_findings()
      let status = cvips_decode(
        picture, options.scratchFolder, UInt64(options.memoryLimit), &findings, &text)
      guard status == 0 else {
        let reason = take(&text)
        if status == -2 {
          throw FileError.unwritable(
            path: options.scratchFolder, reason: "temporary file for \(path): \(reason)")
        }
        throw ImageReader.openingError(path, reason)
      }
      state.findings = findings
      return findings
    }
  }

  /// The whole picture.
  public func image() throws -> Image { try region(rect) }

  /// The pixels of a rectangle, which must be inside the picture.
  public func region(_ rect: PixelRect) throws -> Image {
    precondition(self.rect.contains(rect) && !rect.isEmpty, "\(rect) lies outside the picture")
    try decode()
    let count = rect.width * rect.height * channels
    let samples: Image.Samples
    if bitDepth == 8 {
      samples = .u8(try read(rect, count: count))
    } else {
      samples = .u16(try read(rect, count: count))
    }
    return Image(
      width: rect.width, height: rect.height, channels: channels, samples: samples,
      metadata: metadata)
  }

  /// The pixels of a rectangle as float planes in 0...1; beyond the picture its edge is repeated.
  /// Wholly transparent pixels get the colour of visible ones nearby.
  ///
  /// # Shapes
  /// `[channels, rect.height, rect.width]`.
  public func planes(_ rect: PixelRect) throws -> FloatImage { try padded(rect, visible) }

  /// The alpha of a rectangle, extended as by `planes`, for pictures that have alpha.
  ///
  /// # Shapes
  /// `[1, rect.height, rect.width]`.
  public func alpha(_ rect: PixelRect) throws -> FloatImage {
    try padded(rect) { try region($0).planes().channels(channels - 1..<channels) }
  }

  /// The values that `read` gives for the part of a rectangle inside the picture, with its edge
  /// repeated.
  private func padded(_ rect: PixelRect, _ read: (PixelRect) throws -> FloatImage) throws
    -> FloatImage
  {
    let inside = rect.clamped(to: self.rect)
    let planes = try read(inside)
    if inside == rect { return planes }
    return planes.cropped(
      to: PixelRect(
        x: rect.x - inside.x, y: rect.y - inside.y, width: rect.width, height: rect.height))
  }

  /// The pixels of a rectangle inside the picture, without colours hidden under an alpha of 0.
  private func visible(_ rect: PixelRect) throws -> FloatImage {
    if try isOpaque() { return try region(rect).planes() }
    let margin = HiddenColors.margin
    let context = rect.insetBy(-margin).intersection(self.rect)
    return try region(context).planes().fillingHiddenColors(with: hiddenColor())
      .cropped(
        to: PixelRect(
          x: rect.x - context.x, y: rect.y - context.y, width: rect.width, height: rect.height))
  }

  /// The mean of the visible colours.
  private func hiddenColor() throws -> [Float] {
    if let known = state.withLock({ $0.meanColor }) { return known }
    var sums = HiddenColors.Sums(channels: channels)
    let height = max(1, (1 << 20) / width)
    for y in stride(from: 0, to: self.height, by: height) {
      sums.add(
        try region(PixelRect(x: 0, y: y, width: width, height: min(height, self.height - y)))
          .planes())
    }
    let mean = sums.mean
    state.withLock { $0.meanColor = mean }
    return mean
  }

  private func read<T: FixedWidthInteger>(_ rect: PixelRect, count: Int) throws -> [T] {
    try [T](unsafeUninitializedCapacity: count) { buffer, initialised in
      var text: UnsafeMutablePointer<CChar>?
      let status = cvips_read(
        picture, Int32(part.x + rect.x), Int32(part.y + rect.y), Int32(rect.width),
        Int32(rect.height), buffer.baseAddress, &text)
      guard status == 0 else { throw ImagingError.damaged(path: path, reason: take(&text)) }
      initialised = count
    }
  }
}
