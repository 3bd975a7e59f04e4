import Foundation
import Imaging

/// The documentation's table of formats, made by converting everything.
struct Table {
  private typealias Row = (format: String, name: String, cells: [Cell])

  /// The record of a run for `scripts/test-formats`.
  struct Pair: Encodable {
    let input, output: String
    let scale: Int
    let turned: Bool
    /// The reason why their appearance cannot be compared.
    let unshown: String?
  }

  private var rows: [Row] = []
  private(set) var pairs: [Pair] = []
  private(set) var problems: [String] = []

  /// - Parameter folder: the folder for inputs and outputs.
  init(_ variants: [Variant], in folder: String) throws {
    for (number, variant) in variants.enumerated() {
      let name = "\(variant.format) \(variant.name)".lowercased()
        .replacing(#/[^a-z0-9]+/#, with: "-")
      let file = "\(number + 1)-\(name)"
      let cells = try variant.cells(in: folder, name: file)
      for cell in cells {
        pairs.append(
          Pair(
            input: "\(file).\(variant.fileExtension)", output: cell.output, scale: 2,
            turned: variant.isTurned, unshown: variant.unshown ?? Self.unshown(cell)))
      }
      problems += cells.flatMap(\.problems)
      if let last = rows.last, (last.format, last.name) == (variant.format, variant.name) {
        rows[rows.count - 1].cells = zip(last.cells, cells).map(Self.worse)
      } else {
        rows.append((variant.format, variant.name, cells))
      }
    }
  }

  private static func unshown(_ cell: Cell) -> String? {
    cell.isFlattened
      ? "transparent input, of which JPEG has none"
      : cell.notes.contains("PQ") ? "PQ, which Chromium shows darker, so that highlights fit" : nil
  }

  private static func worse(_ one: Cell, _ other: Cell) -> Cell {
    var cell = one.difference > other.difference ? one : other
    cell.notes = one.notes + other.notes.filter { !one.notes.contains($0) }
    return cell
  }

  /// The beginning of a variant's row.
  static func start(_ variant: Variant) -> String { "| \(variant.format) | \(variant.name) |" }

  var document: String {
    let formats = ImageFormat.allCases
    let lines = rows.map { row in
      let cells = row.cells.map { cell in
        ([String(format: "%.1f", cell.difference)] + cell.notes).joined(separator: ", ")
      }
      return "| \(row.format) | \(row.name) | \(cells.joined(separator: " | ")) |\n"
    }
    return """
      # Formats

      How `nsarm upscale` converts pictures from every format that it reads to every format that it writes. `make formats` runs
      all conversions and writes this page; `make test` runs them as well, and fails if a colour is wrong, a picture is rotated,
      or something is lost without a warning. Rows differ from each other in one respect at a time.

      The inputs are small pictures with gradients, patches and a mark, made by the tests (`Tests/FormatTests`) and by other
      programs. They are enlarged by a factor of two with interpolation, since the page is about files, not about models. Lossy
      formats have the default quality of `nsarm upscale`.

      A cell begins with the colour difference between the input and the output reduced to the input's size: the mean CIEDE2000
      over all pixels, of which 1 is barely visible side by side. Interpolation alone, which softens the edges of patches, causes
      \(Self.interpolation) in RGB. Lossy formats add their losses, as inputs and as outputs; WebP adds the most, since it stores
      colours at half the resolution. Transparency differs by less than 2 of 255, and every output is upright and of the right
      size.

      After the number:

      - **8 bit**: the input has more, which the output's format does not support; a warning says so. Other outputs keep 16 bit,
        AVIF 12.
      - **on a background**: the format has no transparency. Without a background colour (`--background`) the picture is
        refused with the reason.
      - anything else is missing in the output, or was converted, and a warning says so. What the row names and a cell does not
        is kept in the place that the output's format has for it: colours as a profile or code points, EXIF and XMP data, IPTC
        keywords, comments, pixels per inch or the aspect ratio of a pixel.

      | input | | \(formats.map(\.name).joined(separator: " | ")) |
      | --- | --- |\(String(repeating: " --- |", count: formats.count))
      \(lines.joined())
      """
  }

  /// The difference that the enlargement alone causes.
  private static var interpolation: String { String(format: "%.1f", Cell.interpolation(Chart.rgb)) }

  /// The list that `scripts/test-formats` reads.
  var list: Data {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      return try encoder.encode(["pictures": pairs])
    }
  }
}
