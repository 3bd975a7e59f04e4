import CVips
import Files
import Foundation

/// Writes one picture file from rows that arrive strip by strip, top to bottom, in bounded memory.
///
/// Rows are collected in memory up to `memoryLimit` bytes in total, else in an unnamed file in the
/// target's folder, then encoded into a temporary file beside the target, which takes the target's
/// name at the very end. A failure or `cancel()` leaves neither a temporary file nor a half-written
/// target behind.
///
/// ```swift
/// let writer = try ImageWriter("out.png", width: 4096, height: 3072, channels: 3)
/// for strip in strips { try writer.write(strip) }
/// try writer.finish()
/// ```
public final class ImageWriter {
  public let path: String
  public let format: ImageFormat
  public let width, height, channels, bitDepth: Int
  /// Rows received so far.
  public private(set) var rowsWritten = 0
  /// What the file will not keep of the metadata, a line each.
  public var warnings: [String] { blocks.warnings }

  private let options: EncodingOptions
  private let blocks: MetadataBlocks
  private let target: AtomicFile
  private var memory: [UInt8] = []
  private var scratch: ScratchFile?
  private var isFinished = false

  private var rowBytes: Int { width * channels * bitDepth / 8 }

  /// Checks everything that can be checked before the work starts, disk space included.
  ///
  /// - Parameters:
  ///   - format: nil takes it from the name's extension.
  ///   - channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha.
  ///   - metadata: written with the picture and made true for it: upright, of its size, no old
  ///     thumbnail. `warnings` says what the format cannot hold.
  ///   - overwrite: whether an existing file may be replaced.
  ///   - memoryLimit: bytes of samples kept in memory; larger pictures go through a file.
  ///
  /// Throws `ImagingError` where the format or the size forbid it, `FileError` where the folder or
  /// an existing file do.
  public init(
    _ path: String, width: Int, height: Int, channels: Int, bitDepth: Int = 8,
    format: ImageFormat? = nil, options: EncodingOptions = .init(),
    metadata: ImageMetadata = .init(), overwrite: Bool = false, memoryLimit: Int = 64 << 20
  ) throws {
    guard let format = format ?? ImageFormat(path: path) else {
      throw ImagingError.unknownFormat(path: path)
    }
    precondition(width > 0 && height > 0 && (1...4).contains(channels))
    precondition(bitDepth == 8 || bitDepth == 16, "bit depth \(bitDepth)")
    self.path = path
    self.format = format
    self.width = width
    self.height = height
    self.channels = channels
    self.bitDepth = bitDepth
    self.options = options
    var metadata = metadata
    if metadata.iccProfile.flatMap(ColorProfile.space) != (channels <= 2 ? "GRAY" : "RGB ") {
      metadata.iccProfile = nil
    }
    try ImageFile.start()
    blocks = MetadataBlocks(metadata, format, width: width, height: height, isGrey: channels <= 2)
    target = try AtomicFile(path, overwrite: overwrite)
    try checkFormat()
    if rowBytes * height > memoryLimit {
      scratch = try target.scratch(bytes: rowBytes * height)
    } else {
      memory.reserveCapacity(rowBytes * height)
    }
  }

  deinit { cancel() }

  private func checkFormat() throws {
    let name = format.name
    func unsupported(_ reason: String) -> ImagingError { .unsupported(path: path, reason: reason) }
    if !format.isWritable { throw unsupported("the installed libvips cannot write \(name)") }
    if (channels == 2 || channels == 4) && !format.supportsAlpha {
      throw unsupported(
        "\(name) stores no transparency; choose PNG, or put a colour behind it (--background, Options.background)"
      )
    }
    if bitDepth == 16 && !format.supports16Bit {
      throw unsupported("\(name) stores 8 bit only; choose PNG or TIFF for 16 bit")
    }
    if max(width, height) > format.maximumDimension {
      throw unsupported(
        "\(name) stores at most \(format.maximumDimension) pixels a side, not \(width)x\(height);"
          + " choose PNG or TIFF")
    }
    // Whether libjxl takes a profile is known only when it has it.
    if format == .jxl, let profile = blocks.iccProfile, !Self.takes(profile, channels: channels) {
      throw unsupported("\(name) cannot store its ICC profile; choose PNG or TIFF")
    }
  }

  /// Whether a picture of a few pixels can be encoded with a profile.
  private static func takes(_ profile: Data, channels: Int) -> Bool {
    var text: UnsafeMutablePointer<CChar>?
    let size = 8
    var header = cvips_header()
    (header.width, header.height, header.bit_depth) = (Int32(size), Int32(size), 8)
    header.channels = Int32(channels)
    let samples = [UInt8](repeating: 128, count: size * size * channels)
    let status = withBlob(profile) { icc in
      let metadata = cvips_metadata(
        icc: icc, exif: cvips_blob(), xmp: cvips_blob(), iptc: cvips_blob())
      return cvips_encode(
        samples, -1, header,
        cvips_encoding(
          format: CVIPS_JXL, quality: 90, effort: 3, lossless: false, progressive: false),
        metadata, "/dev/null", &text)
    }
    if status != 0 { _ = take(&text) }
    return status == 0
  }

  /// Appends rows: a picture of the full width with the writer's channels and bit depth.
  public func write(_ rows: Image) throws {
    precondition(
      rows.width == width && rows.channels == channels && rows.bitDepth == bitDepth,
      "rows of \(rows.width)x\(rows.channels)x\(rows.bitDepth) bit do not fit the picture")
    precondition(!isFinished, "the writer has finished or was cancelled")
    precondition(rowsWritten + rows.height <= height, "more rows than the picture has")
    switch rows.samples {
    case .u8(let values): try values.withUnsafeBytes { try append($0) }
    case .u16(let values): try values.withUnsafeBytes { try append($0) }
    }
    rowsWritten += rows.height
  }

  /// Appends rows given as float planes in 0...1 (clamped).
  public func write(_ rows: Planes, rounding: SampleRounding = .nearest) throws {
    try write(Image(rows, bitDepth: bitDepth, rounding: rounding))
  }

  private func append(_ bytes: UnsafeRawBufferPointer) throws {
    guard let scratch else {
      memory.append(contentsOf: bytes)
      return
    }
    do {
      try scratch.append(bytes)
    } catch {
      cancel()
      throw error
    }
  }

  /// Encodes the picture and gives the file its name. Throws `ImagingError` or `FileError`; then no
  /// file is left.
  public func finish() throws {
    precondition(!isFinished, "the writer has finished or was cancelled")
    defer { cancel() }
    guard rowsWritten == height else {
      throw ImagingError.incomplete(path: path, written: rowsWritten, height: height)
    }
    do {
      try encode()
    } catch let failure as EncodingFailure {
      throw target.failure(failure.reason)
    }
    try target.commit()
  }

  /// libvips encodes the pixels with their profile; the other metadata are put in around them,
  /// since libvips rewrites some and has no place for others.
  private func encode() throws {
    if format == .avif || format == .tiff {
      let temporary = try target.temporaryPath(extension: format.fileExtensions[0])
      try encode(to: temporary)
      if format == .tiff { try TiffContainer.add(blocks, to: temporary) }
      return
    }
    let encoded = try target.scratch(bytes: 0)
    try encode(to: "/dev/fd/\(encoded.descriptor)")
    let source = FileBytes(descriptor: encoded.descriptor)
    switch format {
    case .jpeg: try JpegContainer.write(source, blocks, to: target)
    case .png: try PngContainer.write(source, blocks, to: target)
    case .webp:
      try WebpContainer.write(
        source, blocks, width: width, height: height, hasAlpha: channels % 2 == 0, to: target)
    case .jxl: try JxlContainer.write(source, blocks, to: target)
    case .tiff, .avif: break
    }
  }

  private func encode(to path: String) throws {
    var text: UnsafeMutablePointer<CChar>?
    // PNG's own writer drops profiles that are odd in some way.
    let status = withBlob(format == .png ? nil : blocks.iccProfile) { icc in
      withBlob(format == .avif ? blocks.exif : nil) { exif in
        withBlob(format == .avif || format == .tiff ? blocks.xmp : nil) { xmp in
          let native = cvips_metadata(icc: icc, exif: exif, xmp: xmp, iptc: cvips_blob())
          return memory.withUnsafeBytes { samples in
            cvips_encode(
              scratch == nil ? samples.baseAddress : nil, scratch?.descriptor ?? -1, header,
              encoding, native, path, &text)
          }
        }
      }
    }
    // Asked at once: what has been encoded counts as long as it takes room on the disk.
    guard status == 0 else { throw target.failure(take(&text)) }
  }

  /// Gives the picture up and removes what was written. Does nothing after `finish()`.
  public func cancel() {
    isFinished = true
    scratch = nil
    memory = []
    target.discard()
  }

  private var header: cvips_header {
    var header = cvips_header()
    let density = blocks.density.flatMap { $0.isRatio ? nil : $0 }
    header.width = Int32(width)
    header.height = Int32(height)
    header.channels = Int32(channels)
    header.bit_depth = Int32(bitDepth)
    if let points = blocks.codePoints {
      header.cicp = cvips_cicp(
        known: true, primaries: points.primaries, transfer: points.transfer, matrix: 0,
        full_range: true)
    }
    header.xres = (density?.horizontal ?? 0) / 25.4
    header.yres = (density?.vertical ?? 0) / 25.4
    return header
  }

  private var encoding: cvips_encoding {
    cvips_encoding(
      format: format.native, quality: Int32(options.quality), effort: Int32(options.effort),
      lossless: options.lossless, progressive: options.progressive)
  }
}

extension Image {
  /// Writes the picture to a file; see `ImageWriter` for the parameters and the errors.
  public func write(
    to path: String, format: ImageFormat? = nil, options: EncodingOptions = .init(),
    overwrite: Bool = false
  ) throws {
    let writer = try ImageWriter(
      path, width: width, height: height, channels: channels, bitDepth: bitDepth, format: format,
      options: options, metadata: metadata, overwrite: overwrite)
    try writer.write(self)
    try writer.finish()
  }
}
