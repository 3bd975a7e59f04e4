/// A random choice among items with different weights.
struct WeightedChoice: Sendable {
  /// The sum of the weights up to and including each item.
  private let sums: [Double]

  init(_ weights: [Double]) {
    var sum = 0.0
    sums = weights.map { weight in
      sum += weight
      return sum
    }
  }

  /// The item at a fraction, in 0..<1, of the total weight.
  func callAsFunction(_ fraction: Double) -> Int {
    let target = fraction * sums[sums.count - 1]
    var (low, high) = (0, sums.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if sums[middle] > target { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
