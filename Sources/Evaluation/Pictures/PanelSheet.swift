import Imaging

/// A sheet of pictures side by side on white, each below its label.
public struct PanelSheet {
  private static let gap = 8
  private static let magnification = 2
  private static let strip = PixelFont.height * magnification + 10
  private var panels: [(label: String, picture: Image)] = []

  public init() {}

  /// - Parameters:
  ///   - picture: RGB of 8 bit.
  ///   - label: letters, digits and - _ . +; other characters leave a gap, and the part beyond the
  ///     picture's width is cut off.
  public mutating func add(_ picture: Image, _ label: String) { panels.append((label, picture)) }

  /// The sheet of at least one panel, RGB of 8 bit.
  public var image: Image {
    let width = panels.reduce(-Self.gap) { $0 + $1.picture.width + Self.gap }
    let height = Self.strip + panels.map(\.picture.height).max()!
    var canvas = Canvas(width: width, height: height)
    var x = 0
    for panel in panels {
      canvas.draw(
        panel.label, x: x + 4, y: 5, right: x + panel.picture.width,
        magnification: Self.magnification)
      canvas.draw(panel.picture, x: x, y: Self.strip)
      x += panel.picture.width + Self.gap
    }
    return Image(width: width, height: height, channels: 3, samples: .u8(canvas.samples))
  }
}

/// An RGB canvas, initially white.
private struct Canvas {
  let width, height: Int
  var samples: [UInt8]

  init(width: Int, height: Int) {
    (self.width, self.height) = (width, height)
    samples = Array(repeating: 255, count: width * height * 3)
  }

  mutating func draw(_ picture: Image, x: Int, y: Int) {
    let (bytes, row) = (picture.bytes, picture.width * 3)
    for line in 0..<picture.height {
      let to = ((y + line) * width + x) * 3
      samples.replaceSubrange(to..<to + row, with: bytes[line * row..<(line + 1) * row])
    }
  }

  /// Draws black text; characters that extend beyond `right` are left out.
  mutating func draw(_ text: String, x: Int, y: Int, right: Int, magnification m: Int) {
    for (index, character) in text.enumerated() {
      let left = x + index * (PixelFont.width + 1) * m
      guard left + PixelFont.width * m <= right else { return }
      for (row, bits) in PixelFont.rows(character).enumerated() {
        for column in 0..<PixelFont.width where bits >> (PixelFont.width - 1 - column) & 1 == 1 {
          fill(x: left + column * m, y: y + row * m, side: m)
        }
      }
    }
  }

  private mutating func fill(x: Int, y: Int, side: Int) {
    for row in y..<y + side {
      for column in x..<x + side {
        for c in 0..<3 { samples[(row * width + column) * 3 + c] = 0 }
      }
    }
  }
}
