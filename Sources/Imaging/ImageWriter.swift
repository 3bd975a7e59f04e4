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
  /// What is being written.
  public let output: PictureOutput
  /// Rows received so far.
  public private(set) var rowsWritten = 0
  /// What the file will not keep of the metadata, a line each.
  public var warnings: [String] { blocks.warnings }
  /// The quality that `finish()` has encoded with; nil before, and where the format has none.
  public private(set) var quality: Int?
  /// Called before every encoding, of which a limit of the file's size may take several; an error
  /// thrown here ends `finish()`.
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
  /// Throws `ImagingError` where the options forbid it, `FileError` where the folder or an existing
  /// file do.
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

  /// Encodes the picture and gives the file its name. Where `EncodingOptions.maximumBytes` limits
  /// the file, it has the highest quality up to the one asked for with which it fits, found by
  /// bisection: a quality higher by one does not fit.
  ///
  /// Throws `ImagingError`, as where no quality fits, or `FileError`; then no file is left.
  public func finish() throws {
    precondition(!isFinished, "the writer has finished or was cancelled")
    defer { cancel() }
    guard rowsWritten == height else {
      throw ImagingError.incomplete(path: path, written: rowsWritten, height: height)
    }
    try encoded().commit()
  }

  /// The picture in a file that has no name yet.
  private func encoded() throws -> AtomicFile {
    guard format.hasQuality, !options.lossless else {
      try encode(quality: options.quality, to: target)
      return target
    }
    try encode(quality: options.quality, to: target)
    quality = options.quality
    let size = try target.byteCount
    guard let limit = options.maximumBytes, size > limit else { return target }
    target.discard()  // makes room
    // What is above `fitting` has been found to be too large, down to `exceeding`.
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

  /// libvips encodes the pixels with their profile; the other metadata are put in around them,
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
    // PNG's own writer drops profiles that are odd in some way.
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
