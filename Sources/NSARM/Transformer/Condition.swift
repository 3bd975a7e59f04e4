import Torch

/// The condition of a transformer, computed once per picture.
public struct Condition {
  /// The start token and the input of the modulations, `[B, C]`.
  let start: Tensor
  /// Text for cross-attention: features `[B, n, C]` and mask `[B, 1, 1, n]`, true where there is
  /// text.
  let text: (features: Tensor, mask: Tensor?)?
  /// Features of the low-quality picture, `[B, C, h_K, w_K]`.
  let picture: Tensor?
  /// 6 modulations shared by all blocks, `[B, 1, 6, C]`.
  let shared: Tensor
}

/// Text features to the start token and to keys and values (`Documentation/method.md`,
/// "Transformer").
struct TextCondition {
  let norm: RMSNorm
  let pool: AttentionPool
  let first, second: Linear
  /// Features of the null text, `[maximum length, text channels]`.
  let unconditional: Parameter

  init(_ c: TransformerConfiguration, _ text: TextConfiguration, _ p: ParameterScope) throws {
    norm = try RMSNorm(text.channels, p / "text_norm")
    pool = try AttentionPool(c, text, p / "text_proj_for_sos")
    first = try Linear(text.channels, c.width, p / "text_proj_for_ca" / 0)
    second = try Linear(c.width, c.width, p / "text_proj_for_ca" / 2)
    unconditional = try p(
      "cfg_uncond", [text.maximumLength, text.channels], .table, .normal(0.02))
  }

  /// features `[B, n, text channels]` → start `[B, C]` and features `[B, n, C]`.
  func callAsFunction(_ features: Tensor, _ mask: Tensor?) -> (start: Tensor, features: Tensor) {
    let normalized = norm(features)
    return (
      pool(normalized, mask), second(first(normalized).gelu(approximate: true))
    )
  }
}

/// Features of the low-quality picture on the token grid of the last scale.
package struct PictureCondition {
  let patch: Int
  let convIn, convOut: Conv2d
  let blocks: [ResnetBlock]
  let start: Linear

  init(
    _ c: TransformerConfiguration, _ picture: PictureConditionConfiguration, _ p: ParameterScope
  ) throws {
    let p = p / "picture_condition"
    patch = picture.patch
    convIn = try Conv2d(
      3 * patch * patch, picture.channels, role: .kernel.packed, p / "conv_in" / "conv")
    blocks = try (0..<picture.blocks).map {
      try ResnetBlock(picture.channels, picture.channels, .channel, p / "block" / $0)
    }
    convOut = try Conv2d(picture.channels, c.width, kernel: 1, p / "conv_out" / "conv")
    start = try Linear(c.width, c.width, role: .matrix.packed, p / "start")
  }

  /// lowQuality `[B, 3, h, w]` in [-1, 1] → features `[B, C, h / patch, w / patch]`, start `[B,
  /// C]`.
  func callAsFunction(_ lowQuality: Tensor) -> (features: Tensor, start: Tensor) {
    var h = convIn(lowQuality.pixelUnshuffled(patch).channelsLast())
    for block in blocks { h = block(h) }
    let features = convOut(h)
    return (features, start(features.mean([2, 3])))
  }

  /// Floating-point operations for a low-quality picture of this many pixels.
  package func operations(pixels: Double) -> Double {
    let perCell = blocks.reduce(convIn.operations + convOut.operations) { $0 + $1.operations }
    return perCell * pixels / Double(patch * patch)
  }
}
