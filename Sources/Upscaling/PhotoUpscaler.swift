import Files
import Foundation
import Imaging
import NSARM
import Torch

/// How the output gets the input's colours.
public enum ColorMode: String, CaseIterable, Sendable {
  /// The output's high frequencies on the input's low ones.
  case wavelet
  /// Mean and deviation of every channel as in the input.
  case adain
  /// `adain`, then `wavelet`.
  case both
  case none
}

/// From picture file to restored picture file.
///
/// The picture is read, restored and written in pieces, in bounded memory; the output appears under
/// its name only when it is complete. Grey stays grey; alpha is enlarged by itself; 16 bit stay 16
/// bit where the format has them; the orientation is applied; ICC profile and EXIF data are kept.
public final class PhotoUpscaler: Sendable {
  public struct Options: Sendable {
    /// Pixels of the output per pixel of the input along a side, 1...8. The model's own scale is
    /// resized to others.
    public var scale = 4.0
    /// nil: none for models whose decoder reads the input and keeps its colours by itself, both
    /// for others.
    public var color: ColorMode?
    /// Whether colours are cut to 8 bits, towards zero, before and after each colour correction, as
    /// the published script does; else they are rounded once, when they are written.
    public var truncatesColors = false
    /// nil: by the output's extension.
    public var format: ImageFormat?
    public var encoding = EncodingOptions()
    public var reading = ReadOptions()
    /// Whether an existing output is replaced.
    public var overwrite = false
    public var resolver = SuperResolver.Options()

    public init() {}
  }

  /// What was done.
  public struct Report: Sendable {
    public let inputSize, outputSize: (width: Int, height: Int)
    public let color: ColorMode
    /// What was lost or had to be guessed, a line each.
    public let warnings: [String]
  }

  public let resolver: SuperResolver

  public init(_ resolver: SuperResolver) { self.resolver = resolver }

  /// The colour correction that `options` stand for.
  public func colorMode(_ options: Options) -> ColorMode {
    options.color ?? (resolver.model.decoder.readsLowQuality ? .none : .both)
  }

  /// Restores one file.
  ///
  /// - Parameters:
  ///   - input: the picture's file.
  ///   - output: the file to write.
  ///   - options: what is made of the picture.
  ///   - progress: called often with the share of the work that is done; an error thrown here stops
  ///     the work, and no output is left.
  ///   - preview: called after every scale of some tiles, likewise.
  /// - Throws: `ImagingError`, `SuperResolutionError`.
  @discardableResult
  public func callAsFunction(
    _ input: String, to output: String, _ options: Options = Options(),
    progress: @escaping (Double) throws -> Void = { _ in },
    preview: ((ScalePreview) throws -> Void)? = nil
  ) throws -> Report {
    try self(
      ImageFile.open(input, options: options.reading), to: output, options, progress: progress,
      preview: preview)
  }

  /// Restores a file that is open already; of the options those for reading do not count.
  ///
  /// - Throws: `ImagingError`, `SuperResolutionError`.
  @discardableResult
  public func callAsFunction(
    _ reader: ImageReader, to output: String, _ options: Options = Options(),
    progress: @escaping (Double) throws -> Void = { _ in },
    preview: ((ScalePreview) throws -> Void)? = nil
  ) throws -> Report {
    precondition((1...8).contains(options.scale), "a scale of 1 to 8")
    let size = Self.outputSize(
      width: reader.width, height: reader.height, scale: options.scale)
    let format = options.format ?? ImageFormat(path: output)
    // Everything about the output that can fail fails before the work.
    let writer = try ImageWriter(
      output, width: size.width, height: size.height, channels: reader.channels,
      bitDepth: format?.supports16Bit == true ? reader.bitDepth : 8, format: options.format,
      options: options.encoding, metadata: reader.metadata, overwrite: options.overwrite)
    defer { writer.cancel() }
    try reader.decode()

    let color = colorMode(options)
    let first = try rowSinks(reader, writer, color, truncates: options.truncatesColors)
    let picture = LowQualityPicture(width: reader.width, height: reader.height) { rows, columns in
      let planes = try reader.planes(
        PixelRect(
          x: columns.lowerBound, y: rows.lowerBound, width: columns.count, height: rows.count)
      )
      return planes.asRGB.tensor.signed
    }
    try resolver(picture, options.resolver, progress: progress, preview: preview) { _, strip in
      for rows in pieces(of: 0..<strip.size(1), width: strip.size(2)) {
        let planes = Planes(strip.narrowed(1, from: rows.lowerBound, count: rows.count).unsigned)
        try checkResources()
        try first.push(planes)
      }
    }
    try first.finish()
    return Report(
      inputSize: (reader.width, reader.height), outputSize: size, color: color,
      warnings: reader.warnings + writer.warnings)
  }

  /// The size of what an input becomes: ⌊n · scale + ½⌋ along a side.
  public static func outputSize(width: Int, height: Int, scale: Double)
    -> (width: Int, height: Int)
  {
    (scaled(width, scale), scaled(height, scale))
  }

  private static func scaled(_ pixels: Int, _ scale: Double) -> Int {
    max(1, Int((Double(pixels) * scale).rounded()))
  }

  /// The first of the sinks between the network and the file.
  private func rowSinks(
    _ reader: ImageReader, _ writer: ImageWriter, _ color: ColorMode, truncates: Bool
  ) throws -> any RowSink {
    func truncated(_ sink: any RowSink) -> any RowSink {
      truncates ? TruncationSink(next: sink) : sink
    }
    let scale = resolver.model.configuration.scale
    let (width, height) = (reader.width * scale, reader.height * scale)
    var sink: any RowSink = OutputSink(reader, writer)
    if width != writer.width || height != writer.height {
      sink = ResizeSink(
        Resize(.bicubic, from: (width, height), to: (writer.width, writer.height)), channels: 3,
        next: sink)
    }
    let reference = ColorReference(reader, width: width, height: height)
    if color == .wavelet || color == .both {
      sink = WaveletSink(reference, next: truncated(sink))
    }
    if color == .adain || color == .both {
      sink = try InstanceNormalisationSink(
        reference, folder: parentFolder(of: writer.path), next: truncated(sink))
    }
    return truncated(sink)
  }
}
