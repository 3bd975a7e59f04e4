import NSARM

/// Motion vectors from a frame to the frame before it, one per block, in quarters of a pixel.
struct MotionField {
  /// The grid of blocks of `side` pixels; blocks at the right and the bottom may be smaller.
  let rows, columns, side: Int
  /// For each block, row by row, the vector from its position to that of its content in the frame
  /// before: rows and columns, in quarters of a pixel.
  var vectors: [SIMD2<Int>]

  /// A field without motion.
  init(width: Int, height: Int, side: Int) {
    rows = (height + side - 1) / side
    columns = (width + side - 1) / side
    self.side = side
    vectors = Array(repeating: SIMD2(0, 0), count: rows * columns)
  }

  var count: Int { rows * columns }

  /// Whether a block's vector is in whole pixels, so that samples need no interpolation.
  func isWhole(_ block: Int) -> Bool { (vectors[block].x | vectors[block].y) & 3 == 0 }

  /// The block of a pixel.
  func block(_ y: Int, _ x: Int) -> Int { y / side * columns + x / side }

  /// The most frequent vector.
  var dominant: SIMD2<Int> { MotionField.mostFrequent(vectors, 1).first ?? SIMD2(0, 0) }

  /// The most frequent vectors; ties are broken by rows and columns, so that the order is
  /// deterministic.
  static func mostFrequent(_ vectors: [SIMD2<Int>], _ count: Int) -> [SIMD2<Int>] {
    Dictionary(grouping: vectors) { $0 }.map { ($0.value.count, $0.key) }
      .sorted { ($1.0, $0.1.x, $0.1.y) < ($0.0, $1.1.x, $1.1.y) }.prefix(count).map(\.1)
  }

  /// A plane of the frame before, motion compensated: interpolated by Catmull-Rom's cubic, with the
  /// border repeated.
  ///
  /// - Parameter nearest: whether the nearest pixel is taken instead of interpolating.
  func moved(_ plane: [Float], width: Int, height: Int, nearest: Bool = false) -> [Float] {
    var out = [Float](repeating: 0, count: plane.count)
    plane.withUnsafeBufferPointer { plane in
      func sample(_ y: Int, _ x: Int) -> Float {
        plane[min(max(y, 0), height - 1) * width + min(max(x, 0), width - 1)]
      }
      for y in 0..<height {
        for x in 0..<width {
          var v = vectors[block(y, x)]
          if nearest { v = SIMD2((v.x + 2) & ~3, (v.y + 2) & ~3) }
          let (row, column) = (y + (v.x >> 2), x + (v.y >> 2))
          let (a, b) = (Luma.cubic[v.x & 3], Luma.cubic[v.y & 3])
          guard (v.x | v.y) & 3 != 0 else {
            out[y * width + x] = sample(row, column)
            continue
          }
          var sum: Float = 0
          for i in 0..<4 where a[i] != 0 {
            for j in 0..<4 { sum += a[i] * b[j] * sample(row + i - 1, column + j - 1) }
          }
          out[y * width + x] = sum
        }
      }
    }
    return out
  }

  /// Means of a plane over the windows around the blocks: a block and its neighbours.
  func windowMeans(_ plane: [Float], width: Int, height: Int) -> [Float] {
    var sums = [Float](repeating: 0, count: count)
    var counts = sums
    for y in 0..<height {
      for x in 0..<width {
        let block = block(y, x)
        sums[block] += plane[y * width + x]
        counts[block] += 1
      }
    }
    return windowSums(sums).enumerated().map { $0.element / windowCounts(counts, $0.offset) }
  }

  private func windowCounts(_ counts: [Float], _ block: Int) -> Float {
    var sum: Float = 0
    forEachNeighbour(block) { sum += counts[$0] }
    return sum
  }

  /// Sums over a block and its neighbours.
  func windowSums(_ values: [Float]) -> [Float] {
    (0..<count).map { block in
      var sum: Float = 0
      forEachNeighbour(block) { sum += values[$0] }
      return sum
    }
  }

  private func forEachNeighbour(_ block: Int, _ body: (Int) -> Void) {
    let (row, column) = (block / columns, block % columns)
    for y in max(row - 1, 0)...min(row + 1, rows - 1) {
      for x in max(column - 1, 0)...min(column + 1, columns - 1) { body(y * columns + x) }
    }
  }
}
