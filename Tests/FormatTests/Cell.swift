import Foundation
import Imaging
import Testing

@testable import Upscaling

/// The result of converting an input to an output format.
struct Cell {
  let format: ImageFormat
  /// The mean CIEDE2000 of the output, reduced to the input's size.
  var difference = 0.0
  /// The data that the output lacks, with a warning or because the format has no place for it.
  var notes: [String] = []
  /// The failures.
  var problems: [String] = []
  /// The name of the output file.
  var output: String
  /// Whether transparency was replaced by a background.
  var isFlattened = false

  init(_ format: ImageFormat, output: String) { (self.format, self.output) = (format, output) }
}

/// Enlarges a file and judges the outputs.
struct Enlarger: Sendable {
  var scale = 2
  /// Tolerances beyond the losses of the formats.
  var tolerance = 0.0
  let enlarge:
    @Sendable (ImageReader, _ output: String, PhotoUpscaler.Options) throws
      -> PhotoUpscaler.Report

  /// A factor of two, by interpolation.
  static let bicubic = Enlarger { reader, output, options in
    try PhotoUpscaler.write(reader, to: output, options, color: .none, modelScale: 2) { push in
      let large = try reader.planes(reader.rect).asRGB
        .resized(toWidth: 2 * reader.width, height: 2 * reader.height, .bicubic)
      for y in stride(from: 0, to: large.height, by: 17) {
        let height = min(17, large.height - y)
        try push(large.cropped(to: PixelRect(x: 0, y: y, width: large.width, height: height)))
      }
    }
  }
}

extension Variant {
  /// The grey background for formats without transparency.
  private static let ground: Float = 128 / 255

  /// Makes the outputs in all formats in a folder and judges them.
  func cells(
    _ formats: [ImageFormat] = ImageFormat.allCases, in folder: String, name: String = "a",
    _ enlarger: Enlarger = .bicubic
  ) throws -> [Cell] {
    let input = "\(folder)/\(name).\(fileExtension)"
    try Data(try make()).write(to: URL(fileURLWithPath: input))
    return formats.map { format in
      var cell = Cell(format, output: "\(name)-as.\(format.fileExtensions[0])")
      do {
        try fill(&cell, from: input, to: "\(folder)/\(cell.output)", enlarger)
      } catch { cell.problems.append("\(error)") }
      cell.problems = cell.problems.map { "\(testDescription) as \(format.name): \($0)" }
      return cell
    }
  }

  private func fill(
    _ cell: inout Cell, from input: String, to path: String, _ enlarger: Enlarger
  ) throws {
    let format = cell.format
    var options = PhotoUpscaler.Options()
    options.scale = Double(enlarger.scale)
    options.resolver.seed = 1
    var expected = picture
    if !format.supportsAlpha, picture.isTransparent {
      // The error must name the reason and the remedy.
      do {
        _ = try enlarger.enlarge(try ImageFile.open(input), path, options)
        cell.problems.append("its transparency is lost")
      } catch ImagingError.noTransparency {}
      options.background = PictureColor("#808080")
      options.overwrite = true
      expected = picture.flattened(on: Self.ground)
      cell.notes.append("on a background")
      cell.isFlattened = true
    } else if !format.supportsAlpha, picture.channels % 2 == 0 {
      expected = picture.channels(0..<picture.channels - 1)
    }
    let report = try enlarger.enlarge(try ImageFile.open(input), path, options)
    let output = try ImageFile.open(path)
    let image = try output.image()

    let size = (picture.width * enlarger.scale, picture.height * enlarger.scale)
    guard (image.width, image.height) == size else {
      cell.problems.append("it is \(image.width)x\(image.height), not \(size.0)x\(size.1)")
      return
    }
    // WebP has no grey, and grey AVIF without a profile is read as RGB.
    let mayBeRGB = expected.channels < 3 && [.webp, .avif].contains(format)
    guard
      image.channels == expected.channels || mayBeRGB && image.channels == expected.channels + 2
    else {
      cell.problems.append("it has \(image.channels) channels, not \(expected.channels)")
      return
    }
    let depth = format.supports16Bit ? self.depth : 8
    if image.bitDepth != depth {
      cell.problems.append("it has \(image.bitDepth) bit, not \(depth)")
    }
    var warnings = report.warnings
    if depth < self.depth {
      cell.notes.append("8 bit")
      let count = warnings.count
      warnings.removeAll { $0.hasSuffix("stores 8 bit; the picture has more, which are rounded") }
      if warnings.count != count - 1 { cell.problems.append("silent: its depth") }
    }
    compare(image.planes().reduced(by: enlarger.scale), image.metadata, expected, &cell, enlarger)
    judge(output, warnings, &cell)
  }

  /// Judges colours, transparency and orientation.
  private func compare(
    _ reduced: FloatImage, _ metadata: ImageMetadata, _ expected: FloatImage, _ cell: inout Cell,
    _ enlarger: Enlarger
  ) {
    guard let outputModel = ColorModel(metadata) else {
      cell.problems.append("the tests cannot read its profile")
      return
    }
    let (target, result) = (Colors(expected, model), Colors(reduced, outputModel))
    cell.difference = result.difference(target)
    let isLossy = self.isLossy || ![.png, .tiff].contains(cell.format)
    // WebP stores chroma at half the resolution.
    let isWebp = cell.format == .webp || format == "WebP"
    let limit =
      Cell.interpolation(expected, model)
      + (!isLossy ? 0.25 : isWebp ? 2.5 : 1.5) + enlarger.tolerance
    if cell.difference > limit {
      let turned = (2...8).first { orientation in
        let other = reduced.stored(orientation)
        return other.width == expected.width
          && Colors(other, outputModel).difference(target) < limit
      }
      cell.problems.append(
        "the colours differ by \(cell.difference) dE2000"
          + (turned.map { "; it is rotated as by orientation \($0)" } ?? ""))
    }
    let error = result.alphaError(target)
    if error > 2.0 / 255 { cell.problems.append("alpha differs by \(error * 255) of 255") }
  }

  /// Judges the data besides the colours: kept, warned about, or silently lost.
  private func judge(_ output: ImageReader, _ warnings: [String], _ cell: inout Cell) {
    for datum in data {
      let isSaid = warnings.contains { $0.contains(datum.words) }
      switch (datum.isKept(output), isSaid) {
      case (true, false): break
      case (false, true):
        if !cell.notes.contains(datum.name) { cell.notes.append(datum.name) }
      case (false, false): cell.problems.append("silent: \(datum.name) (\(datum.words))")
      case (true, true): cell.problems.append("\(datum.name) is kept, but reported as lost")
      }
    }
    for warning in warnings where !data.contains(where: { warning.contains($0.words) }) {
      cell.problems.append("unfounded warning: \(warning)")
    }
  }
}

extension Cell {
  /// The difference at edges that the enlargement alone causes.
  static func interpolation(_ picture: FloatImage, _ model: ColorModel = .sRGB) -> Double {
    let large = picture.fillingHiddenColors()
      .resized(toWidth: 2 * picture.width, height: 2 * picture.height, .bicubic).clamped
    return Colors(large.reduced(by: 2), model).difference(Colors(picture, model))
  }
}

extension FloatImage {
  fileprivate var isTransparent: Bool {
    guard channels % 2 == 0 else { return false }
    return channels(channels - 1..<channels).values.contains { $0 < 1 }
  }
}

/// A picture in CIELAB, with alpha.
private struct Colors {
  var labs: [Lab] = []
  var alphas: [Double] = []

  init(_ planes: FloatImage, _ model: ColorModel) {
    let colors = planes.channels - (planes.channels % 2 == 0 ? 1 : 0)
    for y in 0..<planes.height {
      for x in 0..<planes.width {
        labs.append(model.lab((0..<colors).map { Double(planes[$0, y, x]) }))
        alphas.append(colors == planes.channels ? 1 : Double(planes[colors, y, x]))
      }
    }
  }

  /// The mean, weighted by the other picture's alpha.
  func difference(_ other: Colors) -> Double {
    var sum = 0.0
    for i in labs.indices where other.alphas[i] > 0 {
      sum += difference2000(labs[i], other.labs[i]) * other.alphas[i]
    }
    return sum / other.alphas.reduce(0, +)
  }

  func alphaError(_ other: Colors) -> Double {
    zip(alphas, other.alphas).map { abs($0 - $1) }.reduce(0, +) / Double(alphas.count)
  }
}
