import Foundation
import Imaging
import NSARM
import Torch

/// The whole picture while it is restored, small enough to be looked at: at first the input
/// enlarged, then tile by tile what the scales have made of it.
struct PreviewCanvas {
  /// Side of the preview at most.
  private static let side = 768

  private var planes: Planes
  /// Preview pixels per input pixel.
  private let factor: Double
  private let scale: Int

  /// - Parameters:
  ///   - reader: the input, decoded.
  ///   - scale: of the model.
  init(_ reader: ImageReader, scale: Int) throws {
    let longest = max(reader.width, reader.height)
    factor = min(Double(scale), Double(Self.side) / Double(longest))
    self.scale = scale
    func side(_ pixels: Int, _ factor: Double) -> Int { max(1, Int(Double(pixels) * factor)) }
    planes = try reader.planes(reader.rect).asRGB.resized(
      toWidth: side(reader.width, factor), height: side(reader.height, factor), .bicubic)
  }

  /// Puts in what tiles look like after a scale.
  mutating func paint(_ preview: ScalePreview) {
    guard let first = preview.tiles.first else { return }
    let wanted = Int((Double(first.rows.count) * factor).rounded(.up))
    let pictures = preview.pictures(side: wanted)
    for (index, tile) in preview.tiles.enumerated() {
      paint(Planes(pictures.selected(0, index).unsigned), tile)
    }
  }

  private mutating func paint(_ picture: Planes, _ tile: ScalePreview.Tile) {
    func place(_ pixel: Int) -> Int { Int((Double(pixel) * factor).rounded()) }
    let (left, top) = (place(tile.columns.lowerBound), place(tile.rows.lowerBound))
    let (width, height) = (place(tile.columns.upperBound) - left, place(tile.rows.upperBound) - top)
    guard width > 0, height > 0 else { return }
    var picture = picture.resized(toWidth: width, height: height, .bicubic)
    picture.clamp()
    // Tiles reach beyond the picture.
    for channel in 0..<3 {
      for y in max(top, 0)..<max(min(top + height, planes.height), max(top, 0)) {
        for x in max(left, 0)..<max(min(left + width, planes.width), max(left, 0)) {
          planes[channel, y, x] = picture[channel, y - top, x - left]
        }
      }
    }
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
