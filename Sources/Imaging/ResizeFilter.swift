import Foundation

/// A resampling kernel.
public enum ResizeFilter: String, CaseIterable, Sendable {
  /// Mean over the source pixels a target pixel touches: [⌊i·n/m⌋, ⌈(i+1)·n/m⌉) (adaptive average).
  case area
  /// Triangle of support 1.
  case bilinear
  /// Keys' cubic, a = −0.5, support 2.
  case bicubic
  /// sinc(x) · sinc(x/3), support 3.
  case lanczos

  var support: Double {
    switch self {
    case .area: 0.5
    case .bilinear: 1
    case .bicubic: 2
    case .lanczos: 3
    }
  }

  func callAsFunction(_ x: Double) -> Double {
    let t = abs(x)
    switch self {
    case .area: return t < 0.5 ? 1 : 0
    case .bilinear: return max(0, 1 - t)
    case .bicubic:
      let a = -0.5
      if t < 1 { return ((a + 2) * t - (a + 3)) * t * t + 1 }
      return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0
    case .lanczos: return t < 3 ? sinc(x) * sinc(x / 3) : 0
    }
  }
}

private func sinc(_ x: Double) -> Double {
  if x == 0 { return 1 }
  let angle = x * Double.pi
  return sin(angle) / angle
}

/// Weights of one axis: target position i = Σ_k weights[i, k] · source[starts[i] + k].
///
/// With s = n_source / n_target and the kernel stretched by max(s, 1) so that shrinking does not
/// alias, the centre of target pixel i is (i + ½)s; the weights are normalised to sum 1 (as Pillow
/// does).
struct ResampleAxis {
  /// Target positions these weights are for.
  let range: Range<Int>
  /// First source position and number of taps, one per target position.
  let starts, counts: [Int]
  /// `[range.count, stride]`
  let weights: [Double]
  let stride: Int

  init(_ filter: ResizeFilter, source: Int, target: Int, range: Range<Int>) {
    let scale = Double(source) / Double(target)
    let stretch = max(scale, 1)
    let support = filter.support * stretch
    stride = filter == .area ? Int(scale.rounded(.up)) + 2 : Int(support.rounded(.up)) * 2 + 1
    var starts: [Int] = []
    var counts: [Int] = []
    var weights = [Double](repeating: 0, count: range.count * stride)
    for (row, i) in range.enumerated() {
      if filter == .area {
        let first = i * source / target
        let end = ((i + 1) * source + target - 1) / target
        starts.append(first)
        counts.append(end - first)
        for k in 0..<(end - first) { weights[row * stride + k] = 1 / Double(end - first) }
        continue
      }
      let center = (Double(i) + 0.5) * scale
      let first = max(Int(center - support + 0.5), 0)
      let end = min(Int(center + support + 0.5), source)
      var sum = 0.0
      for k in 0..<(end - first) {
        let weight = filter((Double(k + first) - center + 0.5) * (1 / stretch))
        weights[row * stride + k] = weight
        sum += weight
      }
      if sum != 0 { for k in 0..<(end - first) { weights[row * stride + k] /= sum } }
      starts.append(first)
      counts.append(end - first)
    }
    self.range = range
    self.starts = starts
    self.counts = counts
    self.weights = weights
  }

  /// Source positions the weights touch.
  var sourceRange: Range<Int> {
    let end = zip(starts, counts).map { $0 + $1 }.max()!
    return starts.min()!..<end
  }
}
