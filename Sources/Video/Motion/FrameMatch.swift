import Foundation

/// The match of a frame with the average of the frames before it.
struct FrameMatch {
  let field: MotionField
  /// The standard deviation of the frame's noise.
  let noise: Float
  /// For each block, the confidence that its content was in the frame before, 0...1.
  let certainties: [Float]
  /// For each pixel likewise.
  let pixelCertainties: [Float]
  /// Whether the frame begins a new scene.
  let isCut: Bool

  /// The deviation that rounding leaves without noise.
  private static let rounding: Float = 0.5 / 255

  /// - Parameters:
  ///   - frame: the decoded frame.
  ///   - previous: the average before it, motion compensated.
  ///   - counts: for each pixel of the average, the mean number of frames in it.
  ///   - noise: the standard deviation in the frame before; nil if unknown.
  init(_ frame: Luma, _ previous: Luma, counts: [Float], noise: Float?, side: Int) {
    let (width, height) = (frame.width, frame.height)
    var matching = BlockMatching()
    matching.side = side
    matching.noise = noise ?? frame.noise
    field = matching(frame, previous)
    let moved = field.moved(previous.values, width: width, height: height)
    let movedCounts = field.moved(counts, width: width, height: height, nearest: true)
    let difference = zip(frame.values, moved).map { $0 - $1 }

    // The variance of a difference is the sum of the frame's and the mean's: σ² (1 + 1 / n).
    let meanCount = movedCounts.reduce(0, +) / Float(movedCounts.count)
    let squares = field.windowMeans(difference.map { $0 * $0 }, width: width, height: height)
    let quiet = squares.sorted()[squares.count / 4].squareRoot() / (1 + 1 / meanCount).squareRoot()
    // If nothing matches, the differences are not noise; the single frame bounds it.
    let found = min(quiet, 2 * frame.noise + 2 / 255)
    let level = noise.map { 0.8 * $0 + 0.2 * found } ?? found
    self.noise = level

    let residuals = field.windowMeans(difference.map { abs($0) }, width: width, height: height)
    let windowCounts = field.windowMeans(movedCounts, width: width, height: height)
    // E |x| = √(2/π) σ for a normal x.
    let blocks = zip(residuals, windowCounts).map { residual, count in
      let expected = 0.8 * level * (1 + 1 / count).squareRoot() + Self.rounding
      return Self.falling(residual / expected, from: 1.25, to: 2)
    }
    certainties = blocks
    let means = meansOfNine(difference, width, height)
    let field = field
    pixelCertainties = (0..<means.count).map { i in
      let deviation = level * (1 + 1 / movedCounts[i]).squareRoot() / 3 + Self.rounding
      let certainty = Self.falling(abs(means[i]) / deviation, from: 1.5, to: 3)
      return certainty * blocks[field.block(i / width, i % width)]
    }
    let certain = certainties.reduce(0, +) / Float(certainties.count)
    isCut =
      certain < 0.25
      && Self.explainsNothing(
        frame, Luma(width: width, height: height, values: moved), noise: level)
  }

  /// 1 below `from`, 0 above `to`, linear between.
  private static func falling(_ x: Float, from: Float, to: Float) -> Float {
    min(max((to - x) / (to - from), 0), 1)
  }

  /// Whether a frame resembles the local means of itself more than the motion-compensated frame
  /// before it, both at a low resolution.
  private static func explainsNothing(_ frame: Luma, _ moved: Luma, noise: Float) -> Bool {
    let (a, b) = (frame.averaged(4), moved.averaged(4))
    let surroundings = a.averaged(4)
    var (inter, intra): (Float, Float) = (0, 0)
    for y in 0..<a.height {
      for x in 0..<a.width {
        inter += abs(a[y, x] - b[y, x])
        intra += abs(a[y, x] - surroundings[y / 4, x / 4])
      }
    }
    let count = Float(a.values.count)
    return inter / count > max(intra / count, 5 / 255) + 0.3 * noise
  }
}

extension Luma {
  /// The standard deviation of noise in a single picture (Immerkær, Fast noise variance estimation,
  /// 1996): √(π/2) / 6 times the mean of |I * N|, where N is the difference of two Laplacians.
  var noise: Float {
    guard width > 2, height > 2 else { return 0 }
    var sum = 0.0
    for y in 1..<height - 1 {
      for x in 1..<width - 1 {
        let corners =
          self[y - 1, x - 1] + self[y - 1, x + 1] + self[y + 1, x - 1] + self[y + 1, x + 1]
        let sides = self[y - 1, x] + self[y + 1, x] + self[y, x - 1] + self[y, x + 1]
        sum += Double(abs(corners - 2 * sides + 4 * self[y, x]))
      }
    }
    return Float((Double.pi / 2).squareRoot() / 6 * sum / Double((width - 2) * (height - 2)))
  }
}
