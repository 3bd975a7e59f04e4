import Foundation

/// The mean and the variance of the channels of a picture whose pieces may arrive in any order.
///
/// Pieces are merged by Chan's rule, in Double: with δ = μ_b − μ_a, M = M_a + M_b + δ² n_a n_b / n,
/// μ = μ_a + δ n_b / n.
public struct ChannelStatistics: Sendable {
  /// Number of pixels.
  public private(set) var count = 0
  /// The means of the channels.
  public private(set) var means: [Double]
  /// The sums Σ (x − μ)² of the channels.
  private var squares: [Double]

  public init(channels: Int) {
    means = [Double](repeating: 0, count: channels)
    squares = means
  }

  public init(_ planes: FloatImage) {
    self.init(channels: planes.channels)
    add(planes)
  }

  /// Adds a piece with the same number of channels.
  public mutating func add(_ planes: FloatImage) {
    precondition(planes.channels == means.count, "\(planes.channels) channels, not \(means.count)")
    let area = planes.width * planes.height
    let total = Double(count + area)
    planes.values.withUnsafeBufferPointer { values in
      for c in means.indices {
        let plane = UnsafeBufferPointer(rebasing: values[c * area..<(c + 1) * area])
        let (mean, square) = ChannelStatistics.moments(plane)
        let delta = mean - means[c]
        squares[c] += square + delta * delta * Double(count) * Double(area) / total
        means[c] += delta * Double(area) / total
      }
    }
    count += area
  }

  private static func moments(_ values: UnsafeBufferPointer<Float>) -> (Double, Double) {
    // Eight independent sums, so that additions do not wait for each other.
    func sum(_ term: (SIMD8<Double>) -> SIMD8<Double>) -> Double {
      var sums = SIMD8<Double>(repeating: 0)
      let whole = values.count & ~7
      var i = 0
      while i < whole {
        var lane = SIMD8<Float>()
        for k in 0..<8 { lane[k] = values[i + k] }
        sums += term(SIMD8<Double>(lane))
        i += 8
      }
      var total = sums.sum()
      for i in whole..<values.count {
        total += term(SIMD8<Double>(repeating: Double(values[i])))[0]
      }
      return total
    }
    let mean = sum { $0 } / Double(values.count)
    return (mean, sum { ($0 - mean) * ($0 - mean) })
  }

  /// √(unbiased variance + 10⁻⁵) per channel. A single pixel has variance 0.
  public var deviations: [Double] {
    squares.map { (($0 / Double(max(count - 1, 1))) + 1e-5).squareRoot() }
  }
}

/// Gives a restored picture the colours of the picture it was made from (`Documentation/method.md`,
/// "Colour correction").
///
/// `content` is the restored picture, `style` the input resized to its size, both `[C, H, W]` in
/// 0...1.
public enum ColorCorrection {
  /// Pixels of context that a window needs on every side for `wavelet` to be exact: 1 + 2 + 4 + 8 +
  /// 16.
  public static let waveletMargin = 31
  private static let levels = 5

  /// Adaptive instance normalisation: y = (x − μ_content) / σ_content · σ_style + μ_style, per
  /// channel; values may leave 0...1.
  public static func adain(_ content: FloatImage, style: FloatImage) -> FloatImage {
    adain(content, from: ChannelStatistics(content), to: ChannelStatistics(style))
  }

  /// The same for a piece of a picture, given the statistics of the whole pictures.
  public static func adain(
    _ piece: FloatImage, from content: ChannelStatistics, to style: ChannelStatistics
  ) -> FloatImage {
    precondition(piece.channels == content.means.count && piece.channels == style.means.count)
    let area = piece.width * piece.height
    var out = piece
    let (from, to) = (content.deviations, style.deviations)
    out.values.withUnsafeMutableBufferPointer { values in
      for c in 0..<piece.channels {
        let gain = to[c] / from[c]
        let (a, b) = (Float(gain), Float(style.means[c] - content.means[c] * gain))
        for i in c * area..<(c + 1) * area { values[i] = values[i] * a + b }
      }
    }
    return out
  }

  /// The content's high frequencies on the style's low ones: y = x − L(x) + L(s) = x + L(s − x).
  ///
  /// L is the low pass of `lowPass`. A window of a larger picture, cut out with `waveletMargin`
  /// pixels of context (none beyond the picture's own border), gives the values of the whole inside
  /// the margin.
  public static func wavelet(_ content: FloatImage, style: FloatImage) -> FloatImage {
    precondition(
      content.width == style.width && content.height == style.height
        && content.channels == style.channels, "content and style differ in size")
    var out = content
    var difference = style
    difference.values.withUnsafeMutableBufferPointer { d in
      content.values.withUnsafeBufferPointer { x in
        for i in 0..<d.count { d[i] -= x[i] }
      }
    }
    let low = lowPass(difference)
    out.values.withUnsafeMutableBufferPointer { y in
      low.values.withUnsafeBufferPointer { l in
        for i in 0..<y.count { y[i] += l[i] }
      }
    }
    return out
  }

  /// Five à-trous passes with the kernel [1 2 1]/4 in x and in y, dilated by 1, 2, 4, 8 and 16; the
  /// border pixels are repeated outwards in every pass.
  public static func lowPass(_ planes: FloatImage) -> FloatImage {
    let (width, height) = (planes.width, planes.height)
    var out = planes
    var rows = [Float](repeating: 0, count: width * height)
    out.values.withUnsafeMutableBufferPointer { values in
      rows.withUnsafeMutableBufferPointer { rows in
        for c in 0..<planes.channels {
          let plane = values.baseAddress! + c * width * height
          let middle = rows.baseAddress!
          for level in 0..<levels {
            let step = 1 << level
            for y in 0..<height { blurRow(plane + y * width, middle + y * width, width, step) }
            for y in 0..<height {
              let above = middle + max(y - step, 0) * width
              let below = middle + min(y + step, height - 1) * width
              let (here, to) = (middle + y * width, plane + y * width)
              for x in 0..<width { to[x] = 0.25 * (above[x] + below[x]) + 0.5 * here[x] }
            }
          }
        }
      }
    }
    return out
  }

  private static func blurRow(
    _ from: UnsafeMutablePointer<Float>, _ to: UnsafeMutablePointer<Float>, _ width: Int,
    _ step: Int
  ) {
    func edge(_ x: Int) {
      to[x] = 0.25 * (from[max(x - step, 0)] + from[min(x + step, width - 1)]) + 0.5 * from[x]
    }
    let start = min(step, width)
    let end = max(width - step, start)
    for x in 0..<start { edge(x) }
    let (left, right) = (from - step, from + step)
    for x in start..<end { to[x] = 0.25 * (left[x] + right[x]) + 0.5 * from[x] }
    for x in end..<width { edge(x) }
  }
}
