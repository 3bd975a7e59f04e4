import Foundation
import Imaging

/// The document of all formats, made by running all cells.
struct Table {
  private typealias Row = (format: String, name: String, cells: [Cell])

  /// What a run leaves for `scripts/test-formats`.
  struct Pair: Encodable {
    let input, output: String
    let scale: Int
    let turned: Bool
    /// Why what they look like cannot be compared.
    let unshown: String?
  }

  private var rows: [Row] = []
  private(set) var pairs: [Pair] = []
  private(set) var problems: [String] = []

  /// - Parameter folder: where inputs and outputs go.
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

  /// The start of a variant's line.
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

      What becomes of a picture on its way through `nsarm upscale`, for every format that is read and every format that is
      written. `make formats` runs all cells and writes this page; `make test` runs them, too, and fails where a colour is
      wrong, a picture lies on its side, or something is lost without a word. The rows differ from each other in one thing at a
      time.

      The inputs are small pictures with slopes, patches and a mark, made by the tests (`Tests/FormatTests`) and by other
      programs. They are enlarged twofold, by interpolation: the page is about files, not about models. Lossy formats have the
      quality of `nsarm upscale` without options.

      A cell begins with the colour difference of the output to what the input shows, once the output has been reduced to the
      input's size: the mean of CIEDE2000 over all pixels; 1 is hardly seen side by side. Interpolation alone, which softens the
      edges of patches, costs \(Self.interpolation) in RGB. Lossy formats add what they lose, as inputs and as outputs, WebP
      most, as it halves the resolution of colours. Transparency differs by less than 2 of 255, every output is upright and of
      the right size.

      What follows the number:

      - **8 bit**: the input has more, the output's format has not, and that is said. Other outputs keep 16 bit, AVIF 12.
      - **on a colour**: the format has no transparency. Without a colour to put behind it (`--background`) the picture is
        refused, and the reason is said.
      - anything else: it is not in the output, or was converted, and a warning says so. What the row names and a cell does not
        is kept, in the place that the output's format has for it: colours as a profile or code points, EXIF and XMP data, IPTC
        keywords, comments, pixels per inch or the ratio of their sides.

      | input | | \(formats.map(\.name).joined(separator: " | ")) |
      | --- | --- |\(String(repeating: " --- |", count: formats.count))
      \(lines.joined())
      """
  }

  /// What the enlargement alone costs.
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
