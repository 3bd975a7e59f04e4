import Torch

/// Layer normalisation without parameters, modulated, in the type of matrix products: LN(x) · (1 +
/// scale) + shift.
func modulated(_ x: Tensor, scale: Tensor, shift: Tensor) -> Tensor {
  x.modulatedNorm(scale: scale, shift: shift, dtype: autocastType(on: x.device))
}

/// One block (`Documentation/method.md`, "Transformer"):
/// x += γ₁ SA(LN(x)(1 + s₁) + b₁); x += CA(ca_norm(x), text); x += γ₂ FFN(LN(x)(1 + s₂) + b₂).
struct TransformerBlock {
  let attention: SelfAttention
  let crossAttention: (norm: LayerNorm, attention: CrossAttention)?
  let up, down: Linear
  let modulation: Parameter
  let parameters: [Parameter]

  init(_ c: TransformerConfiguration, _ p: ParameterScope) throws {
    attention = try SelfAttention(c, p / "sa")
    crossAttention =
      c.text == nil
      ? nil
      : (
        try LayerNorm(c.width, epsilon: 1e-6, p / "ca_norm"), try CrossAttention(c, p / "ca")
      )
    let role = WeightRole.matrix.quantizable
    up = try Linear(c.width, c.feedForwardWidth, role: role, p / "ffn" / "fc1")
    down = try Linear(
      c.feedForwardWidth, c.width, role: role, gain: c.residualGain, p / "ffn" / "fc2")
    modulation = try p("ada_gss", [1, 1, 6, c.width], .vector, .normal(0.02))
    parameters = p.parameters
  }

  /// x `[B, L, C]` float32; shared `[B, 1, 6, C]`; features of a text `[B, n, C]` with their mask
  /// → `[B, L, C]` float32.
  func callAsFunction(
    _ x: Tensor, shared: Tensor, text: (features: Tensor, mask: Tensor?)?,
    _ context: AttentionContext, block: Int
  ) -> Tensor {
    // gamma1, gamma2, scale1, scale2, shift1, shift2
    var m = (modulation.value + shared).unbound(2)
    if let scales = context.residualScales?[block] {
      for branch in 0..<2 { m[branch] = m[branch] * scales.selected(0, branch) }
    }
    var x = x
    let mixed = attention(modulated(x, scale: m[2], shift: m[4]), context, block: block)
    x = x.gatedResidual(mixed, gate: m[0])
    if let crossAttention, let text {
      x = x + crossAttention.attention(crossAttention.norm(x), text.features, text.mask)
    }
    let fed = down(up.gelu(modulated(x, scale: m[3], shift: m[5])))
    return x.gatedResidual(fed, gate: m[1])
  }

  /// Floating-point operations of the matrices per token, as if there were a token of text for
  /// each.
  var operations: Double {
    let text = crossAttention.map { $0.attention.operations } ?? 0
    return attention.operations + text + up.operations + down.operations
  }
}
