import CVips
import Files
import Foundation

/// Writes a picture file from rows that arrive in strips, top to bottom, in bounded memory.
///
/// Rows are collected in memory up to `memoryLimit` bytes, otherwise in an unnamed file in the
/// target's folder. They are then encoded into a temporary file beside the target, which is renamed
/// to the target at the very end. A failure or `cancel()` leaves neither a temporary file nor a
/// partial target behind.
///
/// ```swift
/// let writer = try ImageWriter("out.png", width: 4096, height: 3072, channels: 3)
/// for strip in strips { try writer.write(strip) }
/// try writer.finish()
/// ```
public final class ImageWriter {
  /// The planned output.
  public let output: PictureOutput
  /// The number of rows received so far.
  public private(set) var rowsWritten = 0
  /// Warnings about metadata that the file will not keep, a line each.
  public var warnings: [String] { blocks.warnings }
  /// The quality that `finish()` used; nil before that, and if the format has none.
  public private(set) var quality: Int?
  /// Called before every encoding, of which a size limit may require several; an error thrown here
  /// ends `finish()`.
  public var willEncode: () throws -> Void = {}

  private let options: EncodingOptions
  private let overwrite: Bool
  private let target: AtomicFile
  private var memory: [UInt8] = []
  private var scratch: ScratchFile?
  private var isFinished = false

  public var path: String { output.path }
  public var format: ImageFormat { output.format }
  public var width: Int { output.width }
  public var height: Int { output.height }
  public var channels: Int { output.channels }
  public var bitDepth: Int { output.bitDepth }
  private var blocks: MetadataBlocks { output.blocks }

  private var rowBytes: Int { width * channels * bitDepth / 8 }

  /// Checks everything that can be checked before the work starts, including disk space.
  ///
  /// - Parameters:
  ///   - format: nil takes it from the name's extension.
  ///   - channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha.
  ///   - metadata: written with the picture and corrected for it: orientation, size, no old
  ///     thumbnail. `warnings` names what the format cannot hold.
  ///   - overwrite: whether an existing file may be replaced.
  ///   - memoryLimit: bytes of samples kept in memory; larger pictures go through a file.
  ///
  /// Throws `ImagingError` if the format or the size is not possible, `FileError` if the folder or
  /// an existing file prevents it.
  public convenience init(
    _ path: String, width: Int, height: Int, channels: Int, bitDepth: Int = 8,
    format: ImageFormat? = nil, options: EncodingOptions = .init(),
    metadata: ImageMetadata = .init(), overwrite: Bool = false, memoryLimit: Int = 64 << 20
  ) throws {
    try self.init(
      PictureOutput(
        path, width: width, height: height, channels: channels, bitDepth: bitDepth, format: format,
        metadata: metadata),
      options: options, overwrite: overwrite, memoryLimit: memoryLimit)
  }

  /// The same for an output that has been planned.
  ///
  /// Throws `ImagingError` if the options are not possible, `FileError` if the folder or an
  /// existing file prevents it.
  public init(
    _ output: PictureOutput, options: EncodingOptions = .init(), overwrite: Bool = false,
    memoryLimit: Int = 64 << 20
  ) throws {
    try options.check(output.format, path: output.path)
    self.output = output
    self.options = options
    self.overwrite = overwrite
    target = try AtomicFile(output.path, overwrite: overwrite)
    if rowBytes * height > memoryLimit {
      scratch = try target.scratch(bytes: rowBytes * height)
    } else {
      memory.reserveCapacity(rowBytes * height)
    }
  }

  deinit { cancel() }

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
  public func write(_ rows: FloatImage, rounding: SampleRounding = .nearest) throws {
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

  /// Encodes the picture and gives the file its name. If `EncodingOptions.maximumBytes` limits the
  /// size, the quality is the highest, up to the requested one, with which the file fits, found by
  /// bisection: at the next higher quality it does not fit.
  ///
  /// Throws `ImagingError`, also if no quality fits, or `FileError`; no file is left then.
  public func finish() throws {
    precondition(!isFinished, "the writer has finished or was cancelled")
    defer { cancel() }
    guard rowsWritten == height else {
      throw ImagingError.incomplete(path: path, written: rowsWritten, height: height)
    }
    try encoded().commit()
  }

  /// The encoded picture in a file without a name.
  private func encoded() throws -> AtomicFile {
    guard format.hasQuality, !options.lossless else {
      try encode(quality: options.quality, to: target)
      return target
    }
    try encode(quality: options.quality, to: target)
    quality = options.quality
    let size = try target.byteCount
    guard let limit = options.maximumBytes, size > limit else { return target }
    target.discard()  // frees the space
    // Qualities above `fitting`, down to `exceeding`, are known to be too large.
    var (fitting, exceeding) = (0, options.quality)
    var (best, smallest): (AtomicFile?, Int) = (nil, size)
    while exceeding - fitting > 1 {
      let middle = (fitting + exceeding) / 2
      let file = try AtomicFile(path, overwrite: overwrite)
      try encode(quality: middle, to: file)
      let size = try file.byteCount
      if size <= limit {
        (fitting, best) = (middle, file)
      } else {
        (exceeding, smallest) = (middle, size)
      }
    }
    guard let best else {
      throw ImagingError.tooManyBytes(path: path, bytes: smallest, limit: limit)
    }
    quality = fitting
    return best
  }

  private func encode(quality: Int, to file: AtomicFile) throws {
    try willEncode()
    do {
      try write(quality: quality, to: file)
    } catch let failure as EncodingFailure {
      throw target.failure(failure.reason)
    }
  }

  /// libvips encodes the pixels with their profile. The other metadata are inserted around them,
  /// since libvips rewrites some and has no place for others.
  private func write(quality: Int, to file: AtomicFile) throws {
    if format == .avif || format == .tiff {
      let temporary = try file.temporaryPath(extension: format.fileExtensions[0])
      try encode(quality, to: temporary)
      if format == .tiff { try TiffContainer.add(blocks, to: temporary) }
      return
    }
    let encoded = try file.scratch(bytes: 0)
    try encode(quality, to: "/dev/fd/\(encoded.descriptor)")
    let source = FileBytes(descriptor: encoded.descriptor)
    switch format {
    case .jpeg: try JpegContainer.write(source, blocks, to: file)
    case .png: try PngContainer.write(source, blocks, to: file)
    case .webp:
      try WebpContainer.write(
        source, blocks, width: width, height: height, hasAlpha: channels % 2 == 0, to: file)
    case .jxl: try JxlContainer.write(source, blocks, to: file)
    case .tiff, .avif: break
    }
  }

  private func encode(_ quality: Int, to path: String) throws {
    var text: UnsafeMutablePointer<CChar>?
    // libpng drops profiles with certain flaws.
    let status = withBlob(format == .png ? nil : blocks.iccProfile) { icc in
      withBlob(format == .avif ? blocks.exif : nil) { exif in
        withBlob(format == .avif || format == .tiff ? blocks.xmp : nil) { xmp in
          let native = cvips_metadata(icc: icc, exif: exif, xmp: xmp, iptc: cvips_blob())
          return memory.withUnsafeBytes { samples in
            cvips_encode(
              scratch == nil ? samples.baseAddress : nil, scratch?.descriptor ?? -1, header,
              encoding(quality), native, path, &text)
          }
        }
      }
    }
    // Checked at once: the encoded file counts while it takes up space.
    guard status == 0 else { throw target.failure(take(&text)) }
  }

  /// Discards the picture and removes what was written. Does nothing after `finish()`.
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

  private func encoding(_ quality: Int) -> cvips_encoding {
    cvips_encoding(
      format: format.native, quality: Int32(quality), effort: Int32(options.effort),
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
