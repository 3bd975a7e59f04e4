import Foundation
import Imaging
import NSARM
import SuperResolution
import Torch

/// A small preview of the whole picture while it is being restored: at first the enlarged input,
/// then the tiles as of the latest scale, blended as in the result.
struct PreviewCanvas {
  /// The longer side of the preview at most, in pixels.
  private static let side = 768

  /// The preview.
  private(set) var planes: FloatImage
  /// The pictures of the unfinished tiles, by their positions; they are subtracted when a later
  /// scale replaces them.
  private var shown: [Place: FloatImage] = [:]
  /// Pixels of the preview per pixel of the input.
  private let factor: Double
  private let input: FloatImage

  private struct Place: Hashable { let top, left: Int }

  /// - Parameters:
  ///   - reader: the decoded input.
  ///   - scale: the model's scale.
  init(_ reader: ImageReader, scale: Int) throws {
    let longest = max(reader.width, reader.height)
    factor = min(Double(scale), Double(Self.side) / Double(longest))
    func side(_ pixels: Int, _ factor: Double) -> Int { max(1, Int(Double(pixels) * factor)) }
    input = try reader.planes(reader.rect).asRGB.resized(
      toWidth: side(reader.width, factor), height: side(reader.height, factor), .bicubic)
    planes = input
  }

  /// Draws tiles as they are after a scale.
  mutating func paint(_ preview: ScalePreview) {
    guard let first = preview.tiles.first else { return }
    let wanted = Int((Double(first.rows.count) * factor).rounded(.up))
    let pictures = preview.pictures(side: wanted)
    paint(
      preview.tiles.enumerated().map { index, tile in
        (FloatImage(pictures.selected(0, index).unsigned), tile)
      })
  }

  /// Draws pictures of tiles; tiles that are absent are final from now on.
  mutating func paint(_ tiles: [(picture: FloatImage, tile: ScalePreview.Tile)]) {
    let before = shown
    shown = [:]
    for (picture, tile) in tiles {
      let place = Place(top: tile.rows.lowerBound, left: tile.columns.lowerBound)
      if let picture = paint(picture, tile, instead: before[place]) { shown[place] = picture }
    }
  }

  /// - Parameter old: the tile's picture so far; nil: the input.
  /// - Returns: the tile's picture now.
  private mutating func paint(
    _ picture: FloatImage, _ tile: ScalePreview.Tile, instead old: FloatImage?
  )
    -> FloatImage?
  {
    func place(_ pixel: Int) -> Int { Int((Double(pixel) * factor).rounded()) }
    let (left, top) = (place(tile.columns.lowerBound), place(tile.rows.lowerBound))
    let (width, height) = (place(tile.columns.upperBound) - left, place(tile.rows.upperBound) - top)
    guard width > 0, height > 0 else { return nil }
    var picture = picture.resized(toWidth: width, height: height, .bicubic)
    picture.clamp()
    let weights = tile.weights
    // Tiles may reach beyond the picture.
    let rows = max(top, 0)..<max(min(top + height, planes.height), max(top, 0))
    let columns = max(left, 0)..<max(min(left + width, planes.width), max(left, 0))
    /// The weight at a pixel of the preview: that at the input's pixel under its centre, so that
    /// the weights of all tiles add up to 1.
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
