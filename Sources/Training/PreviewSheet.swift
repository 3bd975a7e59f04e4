import Files
import Foundation
import Imaging
import Torch

/// A sheet with rows of pictures.
enum PreviewSheet {
  /// Writes a JPEG with a gap of 4 grey pixels between pictures; smaller pictures keep their size.
  /// - Parameter rows: pictures `[3, H, W]` in -1...1.
  static func write(_ rows: [[Tensor]], to path: String) throws {
    let cells = rows.map { $0.map { $0.detached().to(.cpu).to(.float32) } }
    let gap = 4
    guard let columns = cells.map(\.count).max(), columns > 0 else { return }
    let width = cells.joined().map { $0.size(2) }.max()!
    let height = cells.joined().map { $0.size(1) }.max()!
    var sheet = FloatImage(
      width: columns * (width + gap) - gap, height: cells.count * (height + gap) - gap, channels: 3,
      repeating: 0.5)
    for (row, pictures) in cells.enumerated() {
      for (column, picture) in pictures.enumerated() {
        paste(picture, at: (column * (width + gap), row * (height + gap)), &sheet)
      }
    }
    try createFolder(parentFolder(of: path))
    try Image(sheet).write(to: path, overwrite: true)
  }

  private static func paste(
    _ picture: Tensor, at place: (x: Int, y: Int), _ sheet: inout FloatImage
  ) {
    let (height, width) = (picture.size(1), picture.size(2))
    let values = picture.floats
    for c in 0..<3 {
      for y in 0..<height {
        let row = (c * sheet.height + place.y + y) * sheet.width + place.x
        for x in 0..<width {
          sheet.values[row + x] = (values[(c * height + y) * width + x] + 1) / 2
        }
      }
    }
  }
}
