import Foundation
import Imaging
import NSARM
import Torch

/// The whole picture while it is restored, small enough to be looked at: at first the input
/// enlarged, then what the scales have made of the tiles, which fade into each other as those of
/// the result do.
struct PreviewCanvas {
  /// Side of the preview at most.
  private static let side = 768

  /// What is seen.
  private(set) var planes: Planes
  /// What tiles under way have put there, by their places: when there is something better it is
  /// taken away again.
  private var shown: [Place: Planes] = [:]
  /// Preview pixels per input pixel.
  private let factor: Double
  private let input: Planes

  private struct Place: Hashable { let top, left: Int }

  /// - Parameters:
  ///   - reader: the input, decoded.
  ///   - scale: of the model.
  init(_ reader: ImageReader, scale: Int) throws {
    let longest = max(reader.width, reader.height)
    factor = min(Double(scale), Double(Self.side) / Double(longest))
    func side(_ pixels: Int, _ factor: Double) -> Int { max(1, Int(Double(pixels) * factor)) }
    input = try reader.planes(reader.rect).asRGB.resized(
      toWidth: side(reader.width, factor), height: side(reader.height, factor), .bicubic)
    planes = input
  }

  /// Puts in what tiles look like after a scale.
  mutating func paint(_ preview: ScalePreview) {
    guard let first = preview.tiles.first else { return }
    let wanted = Int((Double(first.rows.count) * factor).rounded(.up))
    let pictures = preview.pictures(side: wanted)
    paint(
      preview.tiles.enumerated().map { index, tile in
        (Planes(pictures.selected(0, index).unsigned), tile)
      })
  }

  /// Puts in pictures of tiles; of others nothing is changed any more.
  mutating func paint(_ tiles: [(picture: Planes, tile: ScalePreview.Tile)]) {
    let before = shown
    shown = [:]
    for (picture, tile) in tiles {
      let place = Place(top: tile.rows.lowerBound, left: tile.columns.lowerBound)
      if let picture = paint(picture, tile, instead: before[place]) { shown[place] = picture }
    }
  }

  /// - Parameter old: what is there of the tile; nil: its share of the input.
  /// - Returns: what is there now.
  private mutating func paint(_ picture: Planes, _ tile: ScalePreview.Tile, instead old: Planes?)
    -> Planes?
  {
    func place(_ pixel: Int) -> Int { Int((Double(pixel) * factor).rounded()) }
    let (left, top) = (place(tile.columns.lowerBound), place(tile.rows.lowerBound))
    let (width, height) = (place(tile.columns.upperBound) - left, place(tile.rows.upperBound) - top)
    guard width > 0, height > 0 else { return nil }
    var picture = picture.resized(toWidth: width, height: height, .bicubic)
    picture.clamp()
    let weights = tile.weights
    // Tiles reach beyond the picture.
    let rows = max(top, 0)..<max(min(top + height, planes.height), max(top, 0))
    let columns = max(left, 0)..<max(min(left + width, planes.width), max(left, 0))
    /// The weight at a pixel of the preview: that of the input's pixel under its middle, so that
    /// those of all tiles add up to 1 here, too.
    func weight(_ weights: [Double], _ range: Range<Int>, at pixel: Int) -> Float {
      let source = Int((Double(pixel) + 0.5) / factor)
      return range.contains(source) ? Float(weights[source - range.lowerBound]) : 0
    }
    let across = columns.map { weight(weights.columns, tile.columns, at: $0) }
    for y in rows {
      let down = weight(weights.rows, tile.rows, at: y)
      for channel in 0..<3 {
        for x in columns {
          let last = old?[channel, y - top, x - left] ?? input[channel, y, x]
          planes[channel, y, x] +=
            down * across[x - columns.lowerBound] * (picture[channel, y - top, x - left] - last)
        }
      }
    }
    return picture
  }

  /// The preview as a JPEG file.
  func jpeg(in folder: String) throws -> Data {
    let path = folder + "/preview.jpg"
    var planes = planes
    planes.clamp()
    try Image(planes).write(
      to: path, options: EncodingOptions(quality: 80), overwrite: true)
    return try Data(contentsOf: URL(fileURLWithPath: path))
  }
}
