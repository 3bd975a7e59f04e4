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
  /// Linear between the two nearest pixels, without antialiasing: `Tensor.resized`'s bilinear.
  case bilinearSampled = "bilinear_sampled"
  /// Keys' cubic of the four nearest pixels, a = −0.75, without antialiasing: `Tensor.resized`'s
  /// bicubic.
  case bicubicSampled = "bicubic_sampled"

  /// Whether the kernel is stretched when shrinking, which avoids aliasing.
  var isAntialiased: Bool { self != .bilinearSampled && self != .bicubicSampled }

  /// The kernel's radius, in source pixels at a scale of 1.
  var support: Double {
    switch self {
    case .area: 0.5
    case .bilinear, .bilinearSampled: 1
    case .bicubic, .bicubicSampled: 2
    case .lanczos: 3
    }
  }

  func callAsFunction(_ x: Double) -> Double {
    let t = abs(x)
    switch self {
    case .area: return t < 0.5 ? 1 : 0
    case .bilinear, .bilinearSampled: return max(0, 1 - t)
    case .bicubic: return keys(t, -0.5)
    case .bicubicSampled: return keys(t, -0.75)
    case .lanczos: return t < 3 ? sinc(x) * sinc(x / 3) : 0
    }
  }
}

/// Keys' cubic at a distance t ≥ 0.
private func keys(_ t: Double, _ a: Double) -> Double {
  if t < 1 { return ((a + 2) * t - (a + 3)) * t * t + 1 }
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0
}

private func sinc(_ x: Double) -> Double {
  if x == 0 { return 1 }
  let angle = x * Double.pi
  return sin(angle) / angle
}
