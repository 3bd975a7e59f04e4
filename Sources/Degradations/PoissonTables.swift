import Torch

/// Poisson samples of several means by inversion: the smallest k with u < P(K ≤ k). A guide table
/// for each mean starts the search close to its result.
struct PoissonTables {
  private static let cells = 64
  private struct Entry {
    /// The k of the first element, and the index at which the mean's elements begin.
    var first = 0
    var start = 0
  }

  private var entries: [Entry] = []
  private var cumulative: [Double] = []
  /// For each mean and cell the index in `cumulative` where its search starts.
  private var guides: [Int32] = []

  init(means: [Double]) {
    entries.reserveCapacity(means.count)
    guides.reserveCapacity(means.count * Self.cells)
    for mean in means { append(mean) }
  }

  private mutating func append(_ mean: Double) {
    // The mass beyond 8 standard deviations (plus a constant for small means) is below 1e-13.
    let reach = mean > 0 ? 8 * mean.squareRoot() + 12 : 0
    let (mode, first, last) = (Int(mean), max(0, Int(mean - reach)), Int(mean + reach))
    let start = cumulative.count
    cumulative.append(contentsOf: repeatElement(0, count: last - first + 1))
    cumulative.withUnsafeMutableBufferPointer { all in
      let mass = UnsafeMutableBufferPointer(rebasing: all[start...])
      mass[mode - first] = 1
      for k in stride(from: mode - 1, through: first, by: -1) {
        mass[k - first] = mass[k + 1 - first] * Double(k + 1) / mean
      }
      if mode < last {
        for k in (mode + 1)...last { mass[k - first] = mass[k - 1 - first] * mean / Double(k) }
      }
      var sum = 0.0
      for value in mass { sum += value }
      let share = 1 / sum
      sum = 0
      for k in mass.indices {
        sum += mass[k]
        mass[k] = sum * share
      }
      mass[mass.count - 1] = 1
    }
    var k = start
    for cell in 0..<Self.cells {
      while cumulative[k] <= Double(cell) / Double(Self.cells) { k += 1 }
      guides.append(Int32(k))
    }
    entries.append(Entry(first: first, start: start))
  }

  /// A sample of the mean with the given index.
  @inline(__always)
  func sample(_ index: Int, _ random: inout RandomStream) -> Int {
    let u = random.uniform()
    var k = Int(guides[index * Self.cells + Int(u * Double(Self.cells))])
    while cumulative[k] <= u { k += 1 }
    return entries[index].first + k - entries[index].start
  }
}
