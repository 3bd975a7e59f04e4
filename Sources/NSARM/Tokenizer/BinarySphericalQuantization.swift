import Torch

/// Binary spherical quantisation (BSQ, Zhao et al., 2024): a latent vector z ∈ R^d is projected to
/// the sphere, u = z / ‖z‖, and each component keeps its sign: bit_j = (u_j > 0), q = (2 bit − 1) /
/// √d.
public enum BinarySphericalQuantization {
  /// The bits of `latent`, true where a component is positive; any shape.
  public static func bits(_ latent: Tensor) -> Tensor { latent .> 0 }

  /// (2 bit − 1) / √d for bits with the channels in dimension 1: `[B, d, ...]` → the same, float32.
  public static func codes(_ bits: Tensor) -> Tensor {
    (bits.to(.float32) * 2 - 1) / Double(bits.size(1)).squareRoot()
  }

  /// Straight-through quantisation: the value is q, the gradient that of u = z / ‖z‖.
  ///
  /// # Shapes
  /// latent `[B, d, ...]` → the same.
  public static func quantized(_ latent: Tensor) -> Tensor {
    let u = latent.l2Normalized(1)
    return u + (codes(bits(latent)) - u).detached()
  }

  /// The terms that train a tokenizer (BSQ paper, equations for entropy and commitment).
  public struct Penalties {
    /// E[H(p)], nats summed over the bits of a vector: small when every bit is sure.
    public let perSampleEntropy: Tensor
    /// H(E[p]), nats summed over bits: large when both values of every bit are used.
    public let codebookEntropy: Tensor
    /// E[(u − sg(q))²].
    public let commitment: Tensor

    /// 0.25 commitment + 0.1 (per-sample entropy − γ codebook entropy) / inv_temp.
    public func total(gamma: Double = 1) -> Tensor {
      0.25 * commitment
        + (perSampleEntropy - codebookEntropy * gamma)
        * (0.1 / BinarySphericalQuantization.inverseTemperature)
    }
  }

  public static let inverseTemperature = 100.0

  /// Penalties of latents `[B, d, ...]` before projection to the sphere.
  public static func penalties(_ latent: Tensor) -> Penalties { penalties(latent) { $0 } }

  /// Penalties of latents that are a part of a batch.
  ///
  /// - Parameters:
  ///   - latent: `[B, d, ...]`, before projection to the sphere.
  ///   - mean: as in `entropies`.
  public static func penalties(
    _ latent: Tensor, mean: (Tensor) throws -> Tensor
  ) rethrows -> Penalties {
    let u = latent.l2Normalized(1)
    let (perSample, codebook) = try entropies(u, mean: mean)
    return Penalties(
      perSampleEntropy: perSample, codebookEntropy: codebook,
      commitment: (u - codes(bits(latent)).detached()).square().mean())
  }

  /// E[H(p)] and H(E[p]) with p = sigmoid(−4 u_j inv_temp / √d), the soft probability of bit 0, for
  /// u `[B, d, ...]`.
  public static func entropies(_ u: Tensor) -> (perSample: Tensor, codebook: Tensor) {
    entropies(u) { $0 }
  }

  /// The entropies of a part of a batch: E[H(p)] of the part, H(E[p]) of the whole.
  ///
  /// - Parameters:
  ///   - u: `[B, d, ...]`, on the sphere.
  ///   - mean: makes of E[p] and E[1 − p] of this part, `[2, d]`, those of the whole batch.
  public static func entropies(
    _ u: Tensor, mean: (Tensor) throws -> Tensor
  ) rethrows -> (perSample: Tensor, codebook: Tensor) {
    let odds = logOdds(u)
    // H(p) = softplus(l) − l σ(l), exact also where p underflows.
    let perBit = odds.softplus() - odds * odds.sigmoid()
    let means = try mean(.stacked([odds.sigmoid().mean([0]), (-odds).sigmoid().mean([0])]))
    return (perBit.sum([1]).mean(), -plogp(means).sum([0]).sum())
  }

  /// 4 u_j inv_temp / √d, the log odds of bit 1: `[B, d, ...]` → `[N, d]`.
  static func logOdds(_ u: Tensor) -> Tensor {
    let channels = u.size(1)
    return u.flattened(from: 2).transposed(1, 2).reshaped(-1, channels)
      * (4 * inverseTemperature / Double(channels).squareRoot())
  }

  /// p log p; the slope is infinite at 0, where a bit that never changes has its p: there it is
  /// taken as 0.
  private static func plogp(_ p: Tensor) -> Tensor {
    let p = p.clamped(min: 1e-12)
    return p * p.log()
  }
}
