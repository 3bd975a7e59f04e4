import Files
import Foundation
import Imaging
import NSARM
import SuperResolution
import Torch

/// The way in which the output gets the input's colours.
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
    /// The size of the output. The output of the model's own scale is resized to others.
    public var size = OutputSize.scale(4)
    /// `size` as a scale, 1...8; nil where a size is asked for from which every picture's scale
    /// follows. Set to nil it is 4.
    public var scale: Double? {
      get {
        guard case .scale(let factor) = size else { return nil }
        return factor
      }
      set { size = .scale(newValue ?? 4) }
    }
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
    /// The colour that is put behind a transparent picture, whose output then has no alpha; nil
    /// keeps alpha.
    public var background: PictureColor?
    /// The metadata that the output gets.
    public var metadata = MetadataPolicy.keep
    /// Whether an existing output is replaced.
    public var overwrite = false
    public var resolver = SuperResolver.Options()

    public init() {}
  }

  /// The facts about a restored picture.
  public struct Report: Sendable {
    /// The contents of the files.
    public let input, output: PictureSummary
    public let color: ColorMode
    /// The quality that the output is encoded with: that of the options, or a lower one where they
    /// limit the file's size; nil for formats that have none.
    public let quality: Int?
    /// Lines on everything that was lost or had to be guessed.
    public let warnings: [String]

    public var inputSize: (width: Int, height: Int) { (input.width, input.height) }
    public var outputSize: (width: Int, height: Int) { (output.width, output.height) }
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
  /// - Throws: `OptionRangeError`, `ImagingError`, `OutputSizeError`, `SuperResolutionError`.
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
  /// - Throws: `OptionRangeError`, `ImagingError`, `OutputSizeError`, `SuperResolutionError`.
  @discardableResult
  public func callAsFunction(
    _ reader: ImageReader, to output: String, _ options: Options = Options(),
    progress: @escaping (Double) throws -> Void = { _ in },
    preview: ((ScalePreview) throws -> Void)? = nil
  ) throws -> Report {
    try options.validate()
    let color = colorMode(options)
    let picture = LowQualityPicture(width: reader.width, height: reader.height) { rows, columns in
      let planes = try reader.planes(
        PixelRect(
          x: columns.lowerBound, y: rows.lowerBound, width: columns.count, height: rows.count)
      )
      return planes.asRGB.tensor.signed
    }
    return try Self.write(
      reader, to: output, options, color: color, modelScale: resolver.model.configuration.scale,
      willEncode: { try progress(1) }
    ) { push in
      try resolver(picture, options.resolver, progress: progress, preview: preview) { _, strip in
        for rows in pieces(of: 0..<strip.size(1), width: strip.size(2)) {
          let planes = FloatImage(
            strip.narrowed(1, from: rows.lowerBound, count: rows.count).unsigned)
          try checkResources()
          try push(planes)
        }
      }
    }
  }

  /// Writes what becomes of a picture.
  ///
  /// - Parameters:
  ///   - modelScale: how many times larger the rows are than the input.
  ///   - willEncode: called before every encoding; an error thrown here stops the work.
  ///   - enlarge: makes the rows, RGB in 0...1, from the top to the bottom, and hands them to the
  ///     function that it is given.
  static func write(
    _ reader: ImageReader, to output: String, _ options: Options, color: ColorMode, modelScale: Int,
    willEncode: @escaping () throws -> Void = {},
    enlarge: (_ push: (FloatImage) throws -> Void) throws -> Void
  ) throws -> Report {
    let size = try outputSize(reader, options)
    // Everything about the output that can fail fails before the work.
    let planned = try plan(reader, output, size, options)
    let writer = try ImageWriter(planned, options: options.encoding, overwrite: options.overwrite)
    defer { writer.cancel() }
    writer.willEncode = willEncode
    try reader.decode()
    let first = try rowSinks(reader, writer, color, modelScale, options)
    try enlarge { try first.push($0) }
    try first.finish()
    return Report(
      input: reader.summary, output: planned.summary, color: color,
      quality: writer.quality, warnings: warnings(reader, planned))
  }

  /// The contents of the input and of the output, and the losses between them, without restoring
  /// anything. Facts that only decoding shows, such as damage, are told of decoded pictures.
  ///
  /// - Returns: the contents of the input and of the output, and lines on everything that is lost
  ///   or has to be guessed.
  /// - Throws: `ImagingError` where the picture cannot be read or written so, `OutputSizeError`.
  public static func explain(
    _ reader: ImageReader, to output: String, _ options: Options = Options()
  ) throws -> (input: PictureSummary, output: PictureSummary, warnings: [String]) {
    let size = try outputSize(reader, options)
    let planned = try plan(reader, output, size, options)
    return (
      reader.summary, planned.summary,
      warnings(reader, planned) + asked(options, reader, planned)
    )
  }

  /// Lines on everything that is left out as asked.
  private static func asked(
    _ options: Options, _ reader: ImageReader, _ planned: PictureOutput
  ) -> [String] {
    let held = reader.summary.metadata
    var lines: [String] = []
    switch options.metadata {
    case .keep: break
    case .strip:
      let kept = planned.summary.metadata
      let lost = held.filter { !kept.contains($0) }
      if !lost.isEmpty { lines.append("left out as asked: \(lost.joined(separator: ", "))") }
    case .private where held.isEmpty: break
    case .private:
      lines.append(
        "left out as asked: place, owner's name, serial numbers, maker's notes; credits stay")
    }
    if let background = options.background, reader.hasAlpha {
      lines.append("transparency is left out as asked, for \(background)")
    }
    return lines
  }

  private static func warnings(_ reader: ImageReader, _ planned: PictureOutput) -> [String] {
    let rounded =
      reader.bitDepth > planned.bitDepth
      ? ["\(planned.format.name) stores 8 bit; the picture has more, which are rounded"] : []
    return reader.warnings + planned.warnings + rounded
  }

  /// The size of what an input becomes: ⌊n · scale + ½⌋ along a side.
  public static func outputSize(width: Int, height: Int, scale: Double)
    -> (width: Int, height: Int)
  {
    (scaled(width, scale), scaled(height, scale))
  }

  private static func outputSize(_ reader: ImageReader, _ options: Options) throws
    -> (width: Int, height: Int)
  {
    try options.size.size(width: reader.width, height: reader.height, path: reader.path)
  }

  private static func scaled(_ pixels: Int, _ scale: Double) -> Int {
    max(1, Int((Double(pixels) * scale).rounded()))
  }

  /// The output's file: of the input's channels, but without alpha where the format has none and
  /// every pixel is opaque, or where a colour is put behind it.
  private static func plan(
    _ reader: ImageReader, _ output: String, _ size: (width: Int, height: Int), _ options: Options
  ) throws -> PictureOutput {
    let format = options.format ?? ImageFormat(path: output)
    var channels = reader.channels
    if reader.hasAlpha {
      if let background = options.background {
        channels = background.isGrey ? reader.channels - 1 : 3
        let isDescribed = reader.metadata.iccProfile != nil || reader.metadata.codePoints != nil
        if reader.isGrey, channels == 3, isDescribed {
          throw ImagingError.unsupported(
            path: reader.path,
            reason: "a grey picture with a profile takes a grey background only, such as white")
        }
      } else if format?.supportsAlpha == false, try reader.isOpaque() {
        channels -= 1
      }
    }
    let planned = try PictureOutput(
      output, width: size.width, height: size.height, channels: channels,
      bitDepth: format?.supports16Bit == true ? reader.bitDepth : 8, format: options.format,
      metadata: reader.metadata.filtered(options.metadata))
    try options.encoding.check(planned.format, path: output)
    return planned
  }

  /// The first of the sinks between the network and the file.
  private static func rowSinks(
    _ reader: ImageReader, _ writer: ImageWriter, _ color: ColorMode, _ scale: Int,
    _ options: Options
  ) throws -> any ScanlineStage {
    func truncated(_ sink: any ScanlineStage) -> any ScanlineStage {
      options.truncatesColors ? TruncationSink(next: sink) : sink
    }
    let (width, height) = (reader.width * scale, reader.height * scale)
    var sink: any ScanlineStage = try OutputSink(
      reader, writer, background: options.background.map(reader.components))
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
