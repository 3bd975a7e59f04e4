import NSARM
import Torch

/// Results of the networks for a batch of tiles, from the text to the bits.
public struct GeneratedTiles {
  /// Numbers of the tiles, which are counted row by row.
  public let tiles: [Int]
  /// Features of the text, `[1, n, channels]`; nil: the null text, or none.
  public let text: Tensor?
  /// E(I_LR), `[B, d, h / f, w / f]`; nil where the transformation network reads the picture.
  public let latent: Tensor?
  /// R'_k of the forced scales, `[B, d, h_k, w_k]`.
  public let prefix: [Tensor]
  /// Logits of every scale, after 1 / τ and guidance, `[B, L_k, 2 D]`, index 2 · bit + value.
  public let logits: [Tensor]
  /// Bits of every scale, `[B, d, h_k, w_k]`, boolean.
  public let bits: [Tensor]
  /// F_K, the sum of all codes, `[B, d, H, W]`.
  public let sum: Tensor

  /// Tensors by name.
  public struct Named: Sendable {
    public let tensors: [(name: String, tensor: Tensor)]
  }

  /// All of them by name, float32, bits as uint8, on the CPU: `text`, `latent`, `prefix.K`,
  /// `logits.K`, `bits.K` with K from 0, `sum`.
  public var named: Named {
    func numbered(_ name: String, _ tensors: [Tensor], _ dtype: DType) -> [(String, Tensor)] {
      tensors.enumerated().map { ("\(name).\($0)", $1.to(.cpu).to(dtype).contiguous()) }
    }
    func single(_ name: String, _ tensor: Tensor?) -> [(String, Tensor)] {
      tensor.map { [(name, $0.to(.cpu).to(.float32).contiguous())] } ?? []
    }
    return Named(
      tensors: single("text", text) + single("latent", latent)
        + numbered("prefix", prefix, .float32)
        + numbered("logits", logits, .float32) + numbered("bits", bits, .uint8)
        + single("sum", sum))
  }
}
