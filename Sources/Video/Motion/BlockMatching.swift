/// Estimates the motion between two frames by block matching. A block's vector minimises the sum of
/// absolute differences over the window of 3x3 blocks around it.
///
/// All vectors up to `reach` pixels are tried, and the neighbourhoods of the most frequent larger
/// ones, which are found at a quarter of the resolution; each block's best vector is then refined
/// to quarters of a pixel. Vectors other than zero and the most frequent one must be better by a
/// margin that depends on the noise, so that flat areas do not follow it.
struct BlockMatching {
  /// The side of a block in pixels.
  var side = 4
  var reach = 7
  /// The length of the largest vectors along an axis, in pixels.
  var farReach = 32
  /// The standard deviation of the frames' noise.
  var noise: Float = 0

  /// - Parameters:
  ///   - frame: the frame whose blocks get vectors.
  ///   - previous: the frame before it, of the same size.
  func callAsFunction(_ frame: Luma, _ previous: Luma) -> MotionField {
    precondition(frame.width == previous.width && frame.height == previous.height)
    // The farthest that vectors can point beyond the border.
    let margin = max(reach, farReach) + 4
    var search = Search(
      frame: frame.smoothed(), previous: previous.smoothed().padded(margin), margin: margin,
      field: MotionField(width: frame.width, height: frame.height, side: side))
    let penalty = 0.25 * noise
    search.try(SIMD2(0, 0), penalty: 0)
    for vector in square(SIMD2(0, 0), reach) { search.try(vector &* 4, penalty: penalty) }
    for centre in farVectors(frame, previous) {
      for vector in square(centre, 3) where largest(vector) > reach {
        search.try(vector &* 4, penalty: penalty)
      }
    }
    search.refine(penalty: penalty)
    search.try(search.field.dominant, penalty: 0)
    return search.field
  }

  private func largest(_ vector: SIMD2<Int>) -> Int { max(abs(vector.x), abs(vector.y)) }

  private func square(_ centre: SIMD2<Int>, _ reach: Int) -> [SIMD2<Int>] {
    (-reach...reach).flatMap { y in (-reach...reach).map { centre &+ SIMD2(y, $0) } }
  }

  /// The most frequent vectors beyond `reach`.
  private func farVectors(_ frame: Luma, _ previous: Luma) -> [SIMD2<Int>] {
    guard farReach > reach, min(frame.width, frame.height) >= 64 else { return [] }
    let coarse = BlockMatching(side: side, reach: farReach / 4, farReach: 0, noise: noise / 4)
    let field = coarse(frame.averaged(4), previous.averaged(4))
    let far = field.vectors.map { SIMD2($0.x & ~3, $0.y & ~3) }.filter { largest($0) > reach }
    return MotionField.mostFrequent(far, 4)
  }

  /// The search state: the best vectors so far.
  private struct Search {
    let frame: Luma
    /// The previous frame, padded by `margin` and shifted by 0 to 3/4 of a pixel down and to the
    /// right.
    let previous: [Luma]
    let margin: Int
    var field: MotionField
    private var costs: [Float]
    private let counts: [Float]

    init(frame: Luma, previous: Luma, margin: Int, field: MotionField) {
      self.frame = frame
      self.previous = (0..<16).map { previous.shifted(quarters: $0 / 4, $0 % 4) }
      self.margin = margin
      self.field = field
      costs = [Float](repeating: .infinity, count: field.count)
      var pixels = [Float](repeating: 0, count: field.count)
      for y in 0..<frame.height { for x in 0..<frame.width { pixels[field.block(y, x)] += 1 } }
      counts = field.windowSums(pixels)
    }

    /// Tries a vector, in quarters of a pixel, for every block.
    mutating func `try`(_ vector: SIMD2<Int>, penalty: Float) {
      let sums = field.windowSums(blockSums(vector))
      for block in 0..<field.count {
        let cost = sums[block] / counts[block] + penalty
        if cost < costs[block] {
          costs[block] = cost
          field.vectors[block] = vector
        }
      }
    }

    /// Tries halves and then quarters of a pixel around the best vector of each block.
    mutating func refine(penalty: Float) {
      for step in [2, 1] {
        for block in 0..<field.count {
          let centre = field.vectors[block]
          for y in [-step, 0, step] {
            for x in [-step, 0, step] where x != 0 || y != 0 {
              let vector = centre &+ SIMD2(y, x)
              let cost = windowMean(block, vector) + penalty
              if cost < costs[block] {
                costs[block] = cost
                field.vectors[block] = vector
              }
            }
          }
        }
      }
    }

    private func plane(_ vector: SIMD2<Int>) -> Luma {
      previous[(vector.x & 3) * 4 + (vector.y & 3)]
    }

    /// The mean absolute difference over the window around a block.
    private func windowMean(_ block: Int, _ vector: SIMD2<Int>) -> Float {
      let (row, column) = (block / field.columns, block % field.columns)
      let rows = max(row - 1, 0) * field.side..<min((row + 2) * field.side, frame.height)
      let columns = max(column - 1, 0) * field.side..<min((column + 2) * field.side, frame.width)
      let previous = plane(vector)
      var sum: Float = 0
      frame.values.withUnsafeBufferPointer { a in
        previous.values.withUnsafeBufferPointer { b in
          for y in rows {
            let from = y * frame.width
            let to = (y + margin + (vector.x >> 2)) * previous.width + margin + (vector.y >> 2)
            for x in columns { sum += abs(a[from + x] - b[to + x]) }
          }
        }
      }
      return sum / Float(rows.count * columns.count)
    }

    /// The sum of absolute differences of each block.
    private func blockSums(_ vector: SIMD2<Int>) -> [Float] {
      var sums = [Float](repeating: 0, count: field.count)
      let previous = plane(vector)
      let (width, side, columns) = (frame.width, field.side, field.columns)
      frame.values.withUnsafeBufferPointer { a in
        previous.values.withUnsafeBufferPointer { b in
          sums.withUnsafeMutableBufferPointer { sums in
            for y in 0..<frame.height {
              let from = y * width
              let to = (y + margin + (vector.x >> 2)) * previous.width + margin + (vector.y >> 2)
              let row = y / side * columns
              for column in 0..<columns {
                var sum: Float = 0
                for x in column * side..<min((column + 1) * side, width) {
                  sum += abs(a[from + x] - b[to + x])
                }
                sums[row + column] += sum
              }
            }
          }
        }
      }
      return sums
    }
  }
}
