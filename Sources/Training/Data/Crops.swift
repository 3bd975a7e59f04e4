/// One of the eight orientations of a square: bit 0 mirrors columns, bit 1 rows, bit 2 transposes.
func oriented(_ planes: [Float], _ side: Int, _ orientation: Int) -> [Float] {
  guard orientation != 0 else { return planes }
  return [Float](unsafeUninitializedCapacity: planes.count) { target, count in
    planes.withUnsafeBufferPointer { source in
      var t = 0
      for c in 0..<3 {
        for y in 0..<side {
          let row = orientation & 2 == 0 ? y : side - 1 - y
          for x in 0..<side {
            let column = orientation & 1 == 0 ? x : side - 1 - x
            let at = orientation & 4 == 0 ? row * side + column : column * side + row
            target[t] = source[c * side * side + at]
            t += 1
          }
        }
      }
    }
    count = planes.count
  }
}

/// 0...1 → -1...1.
func signed(_ planes: [Float]) -> [Float] { planes.map { $0 + $0 - 1 } }

/// The standard deviation of the mean of the channels.
func deviation(_ planes: [Float]) -> Double {
  let area = planes.count / 3
  var (sum, squares) = (Float(0), Float(0))
  planes.withUnsafeBufferPointer { p in
    var i = 0
    while i < area {
      let grey = (p[i] + p[area + i] + p[2 * area + i]) / 3
      sum += grey
      squares += grey * grey
      i += 1
    }
  }
  let mean = Double(sum) / Double(area)
  return max(Double(squares) / Double(area) - mean * mean, 0).squareRoot()
}

extension DataSettings {
  /// Draws crops until one is not too flat, or until the retries are used up (`flatThreshold`,
  /// `flatRetries`).
  /// - Parameter highQuality: returns a crop's high-quality picture, planar in 0...1.
  func accepted<Crop>(_ highQuality: (Crop) -> [Float], _ draw: () throws -> Crop) rethrows -> Crop
  {
    var crop = try draw()
    var retries = 0
    while retries < flatRetries, deviation(highQuality(crop)) < flatThreshold {
      crop = try draw()
      retries += 1
    }
    return crop
  }
}
