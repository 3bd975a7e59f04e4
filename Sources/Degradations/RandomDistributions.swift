import Foundation
import Torch

extension RandomStream {
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

  /// A draw in the tail beyond the lowest layer, or in the wedge between a layer and the curve;
  /// rare.
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

  /// Right edges: edges[0] is the virtual width of the base, edges[1] the start of the tail,
  /// edges[128] = 0.
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
