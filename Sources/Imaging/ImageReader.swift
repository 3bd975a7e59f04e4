import CVips
import CVipsLoader
import Files
import Foundation

/// Opens picture files of the formats of photos.
public enum ImageFile {
  /// Loads and starts libvips. Reading and writing does so by itself.
  ///
  /// Throws `ImagingError.libraryUnavailable` where it is missing.
  public static func start() throws {
    if let reason = cvips_load() {
      throw ImagingError.libraryUnavailable(reason: String(cString: reason))
    }
    var text: UnsafeMutablePointer<CChar>?
    guard cvips_start(&text) == 0 else {
      throw ImagingError.libraryUnavailable(
        reason: "the image library libvips does not start: \(take(&text)); install it again")
    }
  }

  /// Reads the header of a JPEG, PNG, WebP, TIFF, HEIF/AVIF, JPEG XL, JPEG 2000, GIF, BMP or PNM
  /// file and checks its size.
  ///
  /// Pixels are decoded by the first read. Throws `ImagingError` where the file is missing, empty,
  /// unreadable, a folder, no picture, without the page, or larger than the options allow.
  public static func open(_ path: String, options: ReadOptions = .init()) throws -> ImageReader {
    try ImageReader(path: path, options: options)
  }

  /// Reads a whole picture into memory. Throws as `open` does, and where the file is damaged.
  public static func read(_ path: String, options: ReadOptions = .init()) throws -> Image {
    try open(path, options: options).image()
  }
}

/// Random access to the pixels of one picture file, in bounded memory.
///
/// The EXIF orientation is applied; CMYK, Lab and palettes are converted to RGB, float samples to
/// 16 bit; grey stays grey, alpha is kept and colours are not multiplied by it, 16 bit stays 16
/// bit; samples stay as they are beside the ICC profile or the code points that describe them. Safe
/// to use from several threads.
///
/// Unchecked: libvips reads a decoded picture from several threads; the lock guards `findings` and
/// `meanColor`, the only things that change.
public final class ImageReader: @unchecked Sendable {
  public let path: String
  /// The name of the file's format, such as "JPEG".
  public let format: String
  public let width, height, channels, bitDepth: Int
  /// Profile (of the samples as they are read), EXIF, XMP and IPTC blocks, texts.
  public let metadata: ImageMetadata
  /// Pages or frames in the file, of which one is read.
  public let pageCount: Int

  let picture: OpaquePointer
  private let options: ReadOptions
  /// What is read of the whole picture.
  let part: PixelRect
  private let openingWarnings: [String]
  private let lock = NSLock()
  private var findings: cvips_findings?
  private var meanColor: [Float]?

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
      throw ImageReader.openingError(path, take(&text))
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
      warnings.append(
        "only the \(which) of its \(pageCount) pages is read; --pages (ReadOptions.page) reads the others"
      )
    }
    if header.converted { warnings.append("its colours are converted to sRGB") }
    if header.from_float {
      warnings.append(
        "its float samples are read as 16 bit: 0 is black, 1 is white, others are cut off")
    }
    openingWarnings = warnings + contents.leftOut

    if let page = options.page, !(0..<pageCount).contains(page) {
      throw ImagingError.noPage(path: path, page: page, count: pageCount)
    }
    guard !part.isEmpty, whole.contains(part) else {
      throw ImagingError.noPart(path: path, part: part, width: whole.width, height: whole.height)
    }
    let limit =
      whole.width > options.maximumDimension || whole.height > options.maximumDimension
      ? "\(options.maximumDimension) pixels a side;"
        + " raise it (--max-pixels, ReadOptions.maximumDimension)"
      : whole.width * whole.height > options.maximumPixels
        ? "\(options.maximumPixels) pixels; raise it (--max-pixels, ReadOptions.maximumPixels)"
        : nil
    if let limit {
      throw ImagingError.tooLarge(
        path: path, width: whole.width, height: whole.height, limit: limit)
    }
  }

  deinit { cvips_close(picture) }

  /// What is read otherwise than the file's owner may expect, a line each; some only when the
  /// picture has been decoded.
  public var warnings: [String] {
    lock.lock()
    defer { lock.unlock() }
    var warnings = openingWarnings
    if findings?.lacks_end == true {
      warnings.append("the file lacks its last bytes; the picture is whole")
    }
    if findings?.damaged == true {
      warnings.append(
        "the file is damaged: parts of the picture may be wrong; copy or download it again")
    }
    return warnings
  }

  /// Whether no pixel is transparent. Throws as `decode` does.
  public func isOpaque() throws -> Bool { try !hasAlpha || decoded().opaque }

  /// Whether red, green and blue are the same everywhere but for a level of 8 bit, as in a black
  /// and white photo stored in RGB. Throws as `decode` does.
  public func isColorless() throws -> Bool { try !isGrey && decoded().colourless }

  /// Decodes the whole file now rather than at the first read, so that damage is found at once.
  ///
  /// Throws `ImagingError.damaged` where the file is damaged or cut short, `FileError` where there
  /// is no room for it.
  public func decode() throws { _ = try decoded() }

  private func decoded() throws -> cvips_findings {
    lock.lock()
    defer { lock.unlock() }
    if let findings { return findings }
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
    self.findings = findings
    return findings
  }

  /// The whole picture.
  public func image() throws -> Image { try region(rect) }

  /// The pixels of a rectangle, which must lie inside the picture.
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
  /// Where a pixel is wholly transparent, its colour is that of visible ones near it.
  ///
  /// # Shapes
  /// `[channels, rect.height, rect.width]`.
  public func planes(_ rect: PixelRect) throws -> Planes { try padded(rect, visible) }

  /// The alpha of a rectangle as `planes` gives it, for pictures that have it.
  ///
  /// # Shapes
  /// `[1, rect.height, rect.width]`.
  public func alpha(_ rect: PixelRect) throws -> Planes {
    try padded(rect) { try region($0).planes().channels(channels - 1..<channels) }
  }

  /// What `read` gives for the part of a rectangle that lies inside, with its edge repeated.
  private func padded(_ rect: PixelRect, _ read: (PixelRect) throws -> Planes) throws -> Planes {
    let inside = rect.clamped(to: self.rect)
    let planes = try read(inside)
    if inside == rect { return planes }
    return planes.cropped(
      to: PixelRect(
        x: rect.x - inside.x, y: rect.y - inside.y, width: rect.width, height: rect.height))
  }

  /// The pixels of a rectangle inside, without the colours that hide under an alpha of 0.
  private func visible(_ rect: PixelRect) throws -> Planes {
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
    lock.lock()
    let known = meanColor
    lock.unlock()
    if let known { return known }
    var sums = HiddenColors.Sums(channels: channels)
    let height = max(1, (1 << 20) / width)
    for y in stride(from: 0, to: self.height, by: height) {
      sums.add(
        try region(PixelRect(x: 0, y: y, width: width, height: min(height, self.height - y)))
          .planes())
    }
    lock.lock()
    defer { lock.unlock() }
    meanColor = sums.mean
    return sums.mean
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
