/// Replaces the colours of pixels with an alpha of 0: black, white or whatever a program left
/// there. A network or a filter would spread them into the visible edges.
enum HiddenColors {
  /// The radii of the squares that are searched for visible pixels, in pixels.
  private static let radii = [1, 2, 4, 8, 16, 32]

  /// The largest distance at which a visible pixel counts, in pixels.
  static let margin = 32

  /// Sums of the colours, weighted by alpha.
  struct Sums {
    private var colors: [Double]
    private var weight = 0.0

    init(channels: Int) { colors = [Double](repeating: 0, count: channels - 1) }

    mutating func add(_ planes: FloatImage) {
      let area = planes.width * planes.height
      planes.values.withUnsafeBufferPointer { values in
        let alpha = values[(colors.count * area)...]
        for i in 0..<area { weight += Double(alpha[alpha.startIndex + i]) }
        for c in colors.indices {
          for i in 0..<area {
            colors[c] += Double(values[c * area + i]) * Double(alpha[alpha.startIndex + i])
          }
        }
      }
    }

    /// Middle grey if nothing is visible.
    var mean: [Float] { colors.map { weight > 0 ? Float($0 / weight) : 0.5 } }
  }

  /// The alpha-weighted mean of the colours in the smallest square around each hidden pixel that
  /// contains a visible one; `mean` if none does.
  static func fill(_ planes: FloatImage, with mean: [Float]) -> FloatImage {
    let (width, height, colors) = (planes.width, planes.height, planes.channels - 1)
    let area = width * height
    let alpha = planes.values[(colors * area)...]
    let hidden = (0..<area).filter { alpha[alpha.startIndex + $0] <= 0 }
    guard !hidden.isEmpty else { return planes }
    let weights = SummedArea(width: width, height: height) { Double(alpha[alpha.startIndex + $0]) }
    var result = planes
    for c in 0..<colors {
      let sums = SummedArea(width: width, height: height) {
        Double(planes.values[c * area + $0]) * Double(alpha[alpha.startIndex + $0])
      }
      for i in hidden {
        var color = mean[c]
        for radius in radii {
          let weight = weights.sum(around: i, radius)
          // Half a level of 16 bit; smaller sums are rounding errors.
          guard weight > 0.5 / 65535 else { continue }
          color = Float(min(max(sums.sum(around: i, radius) / weight, 0), 1))
          break
        }
        result.values[c * area + i] = color
      }
    }
    return result
  }

  /// Sums over rectangles in constant time (a summed-area table).
  private struct SummedArea {
    private let width, height: Int
    /// The sums of all pixels above and to the left, `[height + 1, width + 1]`.
    private var sums: [Double]

    init(width: Int, height: Int, _ value: (Int) -> Double) {
      (self.width, self.height) = (width, height)
      sums = [Double](repeating: 0, count: (width + 1) * (height + 1))
      for y in 0..<height {
        var row = 0.0
        for x in 0..<width {
          row += value(y * width + x)
          sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row
        }
      }
    }

    func sum(around i: Int, _ radius: Int) -> Double {
      let (x, y) = (i % width, i / width)
      let (left, right) = (max(x - radius, 0), min(x + radius + 1, width))
      let (top, bottom) = (max(y - radius, 0), min(y + radius + 1, height))
      let stride = width + 1
      return sums[bottom * stride + right] - sums[top * stride + right]
        - sums[bottom * stride + left] + sums[top * stride + left]
    }
  }
}

extension FloatImage {
  /// The picture with the colours under an alpha of 0 replaced by those of visible pixels nearby.
  ///
  /// - Parameter mean: the colour if nothing visible is near; nil: the mean of the visible colours.
  public func fillingHiddenColors(with mean: [Float]? = nil) -> FloatImage {
    guard channels % 2 == 0 else { return self }
    var color = mean
    if color == nil {
      var sums = HiddenColors.Sums(channels: channels)
      sums.add(self)
      color = sums.mean
    }
    return HiddenColors.fill(self, with: color!)
  }

  /// Whether red, green and blue are equal up to a level of 8 bit.
  public var isColorless: Bool {
    guard channels >= 3 else { return true }
    let area = width * height
    return values.withUnsafeBufferPointer { values in
      (0..<area).allSatisfy { i in
        let (r, g, b) = (values[i], values[area + i], values[2 * area + i])
        return max(r, g, b) - min(r, g, b) < 1.01 / 255
      }
    }
  }

  /// The mean of three channels, repeated three times.
  public var withoutColor: FloatImage {
    precondition(channels == 3, "\(channels) channels are not RGB")
    let area = width * height
    let grey = (0..<area).map { (values[$0] + values[area + $0] + values[2 * area + $0]) / 3 }
    return FloatImage(width: width, height: height, channels: 3, values: grey + grey + grey)
  }
}
