import Torch

/// A picture as bits, coarse to fine, and the sums that they add up to.
public struct TokenPyramid {
  /// R_k before quantisation, `[B, d, h_k, w_k]` each.
  public internal(set) var residuals: [Tensor] = []
  /// Bits of each scale, `[B, d, h_k, w_k]`, boolean: the labels of the transformer.
  public internal(set) var bits: [Tensor] = []
  /// F_k = F_{k−1} + up(q_k), `[B, d, H, W]`.
  public internal(set) var sums: [Tensor] = []

  /// F_K, what the decoder reads.
  public var latent: Tensor { sums[sums.count - 1] }
}

/// Multi-scale residual quantisation (the section of that name in `Documentation/method.md`):
/// R_k = down(f − F_{k−1}), q_k = BSQ(R_k), F_k = F_{k−1} + up(q_k), F_0 = 0.
///
/// down is `area`, up is `bilinear` (the reference's trilinear over one frame).
public struct MultiScaleQuantizer {
  public let schedule: ScaleSchedule

  public init(_ schedule: ScaleSchedule) { self.schedule = schedule }

  /// Replacements and disturbances of the codes of a scale while a pyramid is built.
  public struct Intervention {
    /// R'_k in place of R_k for the first scales (stage 2's modified ground truth), `[B, d, h_k,
    /// w_k]`.
    public var givenResiduals: [Tensor] = []
    /// For scale k, true where a bit is flipped in F_k but not in the labels (bitwise
    /// self-correction); `nil`: none.
    public var flips: ((_ scale: Int, _ shape: [Int]) -> Tensor?)?

    public init() {}
  }

  /// Quantises `features` scale by scale. Gradients flow through q_k by the straight-through
  /// estimator.
  ///
  /// # Shapes
  /// features `[B, d, H, W]` with (H, W) the schedule's latent size.
  public func encode(_ features: Tensor, _ intervention: Intervention = Intervention())
    -> TokenPyramid
  {
    var pyramid = TokenPyramid()
    var sum = Tensor.zeros(like: features)  // [B, d, H, W]
    for (k, size) in schedule.latents.enumerated() {
      let residual =
        k < intervention.givenResiduals.count
        ? intervention.givenResiduals[k] : down(features - sum.detached(), to: size)
      let bits = BinarySphericalQuantization.bits(residual)
      var code = BinarySphericalQuantization.quantized(residual)  // [B, d, h_k, w_k]
      if let flips = intervention.flips?(k, residual.shape) {
        code = (-code).selected(where: flips, else: code)
      }
      sum = sum + up(code)
      pyramid.residuals.append(residual)
      pyramid.bits.append(bits)
      pyramid.sums.append(sum)
    }
    return pyramid
  }

  /// F_{k} from F_{k−1} and the bits of scale k.
  public func accumulate(_ sum: Tensor?, bits: Tensor) -> Tensor {
    let step = up(BinarySphericalQuantization.codes(bits))
    return sum.map { $0 + step } ?? step
  }

  /// The transformer's input at scale `k`: F_{k−1} resized to that scale, `[B, d, h_k, w_k]`.
  public func context(_ sum: Tensor, scale k: Int, _ mode: Tensor.Interpolation) -> Tensor {
    let size = schedule.latents[k]
    guard sum.size(2) != size.height || sum.size(3) != size.width else { return sum }
    return sum.resized(size.height, size.width, mode)
  }

  private func down(_ x: Tensor, to size: GridSize) -> Tensor {
    size == schedule.latent ? x : x.resized(size.height, size.width, .area)
  }

  private func up(_ code: Tensor) -> Tensor {
    let size = schedule.latent
    guard code.size(2) != size.height || code.size(3) != size.width else { return code }
    return code.resized(size.height, size.width, .bilinear)
  }
}

/// Latent maps and token sequences.
extension ScaleSchedule {
  /// `[B, d, h, w]` in latent cells → `[B, L, D]`, row-major, with channel order c · patch² + dy ·
  /// patch + dx.
  public func tokens(_ map: Tensor) -> Tensor {
    let patched = patch == 1 ? map : map.pixelUnshuffled(patch)
    return patched.flattened(from: 2).transposed(1, 2)
  }

  /// The inverse of `tokens` for scale `k`: `[B, L_k, D]` → `[B, d, h_k, w_k]`.
  public func map(_ tokens: Tensor, scale k: Int) -> Tensor {
    let size = self.tokens[k]
    let grid = tokens.transposed(1, 2).reshaped(
      tokens.size(0), tokens.size(2), size.height, size.width)
    return patch == 1 ? grid : grid.pixelShuffled(patch)
  }
}
