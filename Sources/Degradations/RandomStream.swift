import Foundation

/// Counter-based random numbers: value n of a stream is mix(key + (n + 1) · γ), the splitmix64
/// generator (Steele, Lea, Flood 2014), with key = mix(mix(seed) + stream · 0xd1b54a32d192ed03).
///
/// Each use of randomness has a stream of its own, so that what one stage draws never shifts
/// another. Depends on (seed, stream) alone: not on threads, time or the platform's generators.
public struct RandomStream: RandomNumberGenerator, Sendable {
  private static let increment: UInt64 = 0x9e37_79b9_7f4a_7c15
  private var state: UInt64

  public init(seed: UInt64, stream: UInt64) {
    state = Self.mix(Self.mix(seed) &+ stream &* 0xd1b5_4a32_d192_ed03)
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  @inline(__always)
  public mutating func next() -> UInt64 {
    state &+= Self.increment
    return Self.mix(state)
  }

  /// U[0, 1), 53 bits.
  @inline(__always)
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// U[lower, upper).
  public mutating func uniform(_ lower: Double, _ upper: Double) -> Double {
    lower + (upper - lower) * uniform()
  }

  /// True with the given probability.
  public mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

  /// An index with probability proportional to its weight.
  public mutating func index(weights: [Double]) -> Int {
    var rest = uniform() * weights.reduce(0, +)
    for (index, weight) in weights.enumerated() {
      if rest < weight { return index }
      rest -= weight
    }
    return weights.lastIndex { $0 > 0 } ?? 0
  }

  /// N(0, 1) by the ziggurat of 128 layers (Marsaglia, Tsang 2000).
  @inline(__always)
  public mutating func normal(_ ziggurat: Ziggurat) -> Double {
    while true {
      let bits = next()
      let layer = Int(bits & 127)
      let sign: Double = bits & 128 == 0 ? 1 : -1
      let x = Double(bits >> 11) * 0x1p-53 * ziggurat.edges[layer]
      if x < ziggurat.edges[layer + 1] { return sign * x }
      if let x = outside(layer, x, ziggurat) { return sign * x }
    }
  }

  /// The rare case: the tail beyond the lowest layer, or the wedge between a layer and the curve.
  @inline(never)
  private mutating func outside(_ layer: Int, _ x: Double, _ ziggurat: Ziggurat) -> Double? {
    if layer == 0 {
      while true {
        let a = -log(1 - uniform()) / Ziggurat.tail
        let b = -log(1 - uniform())
        if 2 * b >= a * a { return Ziggurat.tail + a }
      }
    }
    let (low, high) = (ziggurat.heights[layer], ziggurat.heights[layer + 1])
    return low + uniform() * (high - low) < exp(-0.5 * x * x) ? x : nil
  }
}

/// The layers of the normal density's ziggurat, widest first; all have the same area.
public struct Ziggurat: Sendable {
  static let tail = 3.442619855899
  private static let area = 9.91256303526217e-3

  /// Right edges: edges[0] is the base's virtual width, edges[1] where the tail begins, edges[128]
  /// = 0.
  let edges: [Double]
  /// exp(−edges²/2), the lower side of each layer.
  let heights: [Double]

  public static let shared = Ziggurat()

  init() {
    var x = [Self.area / exp(-0.5 * Self.tail * Self.tail), Self.tail]
    while x.count < 128 {
      let last = x[x.count - 1]
      x.append((-2 * log(Self.area / last + exp(-0.5 * last * last))).squareRoot())
    }
    x.append(0)
    edges = x
    heights = x.map { exp(-0.5 * $0 * $0) }
  }
}

/// Poisson samples of several means by inversion: the smallest k with u < P(K ≤ k). A guide table
/// for each mean makes the search start next to its end.
struct PoissonTables {
  private static let cells = 64
  private struct Entry {
    /// The k of the first element, and where the mean's elements begin.
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
    // Beyond 8 standard deviations (plus a constant for small means) the mass is below 1e-13.
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
