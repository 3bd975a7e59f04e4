import Imaging

/// The picture that is converted to all formats: gradients, patches and a mark in one corner, so
/// that no rotation looks like another. `Fixtures/make.py` makes the same one.
enum Chart {
  static let (width, height) = (40, 30)

  private static let patches: [(rect: PixelRect, color: [Int])] = [
    (PixelRect(x: 4, y: 4, width: 10, height: 8), [200, 60, 50]),
    (PixelRect(x: 22, y: 6, width: 12, height: 8), [40, 150, 70]),
    (PixelRect(x: 8, y: 18, width: 12, height: 8), [50, 70, 190]),
    (PixelRect(x: 30, y: 20, width: 6, height: 6), [240, 240, 240]),
  ]

  /// Red, green and blue of a pixel, 0...255.
  static func color(_ x: Int, _ y: Int) -> [Int] {
    let patch = patches.first { $0.rect.columns.contains(x) && $0.rect.rows.contains(y) }
    return patch?.color ?? [60 + 3 * x, 190 - 4 * y, 90 + x + 2 * y]
  }

  /// Alpha from 0 at the left to opaque at the right.
  static func alpha(_ x: Int) -> Int { x < 6 ? 0 : x >= 34 ? 255 : (x - 6) * 255 / 28 }

  static let rgb = planes(3) { color($0, $1).map(level) }
  static let grey = planes(1) { [level(color($0, $1).reduce(0, +) / 3)] }
  /// Transparent pixels are green.
  static let rgba = planes(4) { x, y in
    (alpha(x) == 0 ? [0, 255, 0] : color(x, y)).map(level) + [level(alpha(x))]
  }
  static let greyAlpha = planes(2) { x, y in
    [alpha(x) == 0 ? 1 : level(color(x, y).reduce(0, +) / 3), level(alpha(x))]
  }
  /// With an opaque alpha channel.
  static let opaque = planes(4) { color($0, $1).map(level) + [1] }
  /// The next frame of an animation.
  static let moved = planes(3) { color(($0 + width - 8) % width, $1).map(level) }
  /// The samples of one channel, for curves that end at half the signal.
  static let dim = planes(3) { color($0, $1).map { level($0) / 2 } }

  /// The index of a pixel in `palette`: squares of 10 pixels, and the patches.
  static func index(_ x: Int, _ y: Int) -> Int {
    patches.firstIndex { $0.rect.columns.contains(x) && $0.rect.rows.contains(y) }
      ?? patches.count + y / 10 * 4 + x / 10
  }

  /// 16 colours.
  static let palette: [[Int]] =
    patches.map(\.color) + (0..<12).map { [60 + 30 * ($0 % 4), 190 - 40 * ($0 / 4), 90 + 10 * $0] }
  static let indices = (0..<width * height).map { index($0 % width, $0 / width) }
  static let indexed = planes(3) { palette[index($0, $1)].map(level) }
  /// White is transparent.
  static let cutOut = planes(4) { palette[index($0, $1)].map(level) + [index($0, $1) == 3 ? 0 : 1] }
  /// Black and white.
  static let bilevel = planes(1) { [index($0, $1) < 4 ? 1 : 0] }

  /// The inks of the inverted colours, 0...255, and their colours according to `Profile.cmyk`.
  static func inks(_ x: Int, _ y: Int) -> [Int] { color(x, y).map { (255 - $0) / 2 } + [20 + y] }
  static let printed = planes(3) { x, y in
    ColorModel.scaled(Profile.lab(ofInks: inks(x, y).map { Double($0) / 255 }))
  }

  private static func level(_ value: Int) -> Float { Float(value) / 255 }

  static func planes(_ channels: Int, _ color: (_ x: Int, _ y: Int) -> [Float]) -> FloatImage {
    var planes = FloatImage(width: width, height: height, channels: channels)
    for y in 0..<height {
      for x in 0..<width {
        for (c, value) in color(x, y).enumerated() { planes[c, y, x] = value }
      }
    }
    return planes
  }
}

extension FloatImage {
  /// The stored picture that an EXIF orientation turns into this one.
  func stored(_ orientation: Int) -> FloatImage {
    let (w, h) = orientation < 5 ? (width, height) : (height, width)
    var result = FloatImage(width: w, height: h, channels: channels)
    for c in 0..<channels {
      for y in 0..<height {
        for x in 0..<width {
          let (column, row) = [
            (x, y), (w - 1 - x, y), (w - 1 - x, h - 1 - y), (x, h - 1 - y), (y, x), (y, h - 1 - x),
            (w - 1 - y, h - 1 - x), (w - 1 - y, x),
          ][orientation - 1]
          result[c, row, column] = self[c, y, x]
        }
      }
    }
    return result
  }

  /// Interleaved samples, of 8 or 16 bit.
  func samples(bits: Int = 8, littleEndian: Bool = false) -> [UInt8] {
    let image = Image(self, bitDepth: bits)
    switch image.samples {
    case .u8(let values): return values
    case .u16(let values):
      return values.flatMap { nativeBytes(littleEndian ? $0.littleEndian : $0.bigEndian) }
    }
  }

  /// Colours multiplied by alpha.
  var premultiplied: FloatImage {
    var result = self
    for c in 0..<channels - 1 {
      for y in 0..<height {
        for x in 0..<width { result[c, y, x] *= self[channels - 1, y, x] }
      }
    }
    return result
  }

  /// Over a grey background, without alpha.
  func flattened(on ground: Float) -> FloatImage {
    var result = channels(0..<channels - 1)
    for c in 0..<result.channels {
      for y in 0..<height {
        for x in 0..<width {
          let alpha = self[channels - 1, y, x]
          result[c, y, x] = alpha * self[c, y, x] + (1 - alpha) * ground
        }
      }
    }
    return result
  }

  /// Means over squares of `factor` pixels, with colours weighted by alpha.
  func reduced(by factor: Int) -> FloatImage {
    var result = FloatImage(width: width / factor, height: height / factor, channels: channels)
    let hasAlpha = channels % 2 == 0
    for y in 0..<result.height {
      for x in 0..<result.width {
        var (sums, weight): ([Float], Float) = ([Float](repeating: 0, count: channels), 0)
        for j in 0..<factor {
          for i in 0..<factor {
            let (row, column) = (y * factor + j, x * factor + i)
            let alpha = hasAlpha ? self[channels - 1, row, column] : 1
            weight += alpha
            for c in 0..<channels {
              let isAlpha = hasAlpha && c == channels - 1
              sums[c] += self[c, row, column] * (isAlpha ? 1 : alpha)
            }
          }
        }
        for c in 0..<channels {
          let isAlpha = hasAlpha && c == channels - 1
          result[c, y, x] = sums[c] / (isAlpha ? Float(factor * factor) : max(weight, 1e-6))
        }
      }
    }
    return result
  }
}

/// The bytes of a number in native order.
func nativeBytes<T>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
func be16(_ value: Int) -> [UInt8] { nativeBytes(UInt16(truncatingIfNeeded: value).bigEndian) }
func be32(_ value: Int) -> [UInt8] { nativeBytes(UInt32(truncatingIfNeeded: value).bigEndian) }
func le16(_ value: Int) -> [UInt8] { nativeBytes(UInt16(truncatingIfNeeded: value).littleEndian) }
func le32(_ value: Int) -> [UInt8] { nativeBytes(UInt32(truncatingIfNeeded: value).littleEndian) }
