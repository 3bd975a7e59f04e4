/// Sequences of elementwise operators and normalisations in one pass over memory: operators
/// `nsarm::...` of the C++ part, for float32 and bfloat16 on the CPU. Each has its composition of
/// libtorch's operators beside it, which serves other devices and element types. They know first
/// derivatives only.
extension Tensor {
  // MARK: Layer normalisation

  /// Layer normalisation over the channels of each position, then silu(z) = z σ(z) if asked for:
  /// y = γ · (x − E[x]) / √(Var[x] + ε) + β (Ba et al., 2016).
  ///
  /// # Shapes
  /// self `[B, C, H, W]`, γ (`weight`) and β (`bias`) `[C]` → `[B, C, H, W]` of self's type, in
  /// channels-last memory.
  public func channelNorm(
    _ weight: Tensor, _ bias: Tensor, epsilon: Double = 1e-6, silu: Bool = false
  ) -> Tensor {
    guard isFusable && weight.isFloat && bias.isFloat else {
      return channelNormReference(weight, bias, epsilon: epsilon, silu: silu)
    }
    return aten(.channelNorm, self, weight, bias, epsilon, silu)
  }

  func channelNormReference(
    _ weight: Tensor, _ bias: Tensor, epsilon: Double, silu: Bool
  ) -> Tensor {
    let x = widened
    let normalized = x.permuted(0, 2, 3, 1)
      .layerNorm(weight.to(x.dtype), bias.to(x.dtype), epsilon: epsilon).permuted(0, 3, 1, 2)
    return (silu ? normalized.silu() : normalized).to(dtype)
  }

  /// `channelNorm`, quantised as by `quantized`; without derivatives.
  public func channelNormQuantized(
    _ weight: Tensor, _ bias: Tensor, epsilon: Double = 1e-6, silu: Bool = false, scale: Double,
    zeroPoint: Int
  ) -> Tensor {
    guard isFusable && weight.isFloat && bias.isFloat else {
      return widened.channelNormReference(weight, bias, epsilon: epsilon, silu: silu)
        .quantizedReference(scale: scale, zeroPoint: zeroPoint)
    }
    return aten(
      .channelNormQuantized, self, weight, bias, epsilon, silu, scale, zeroPoint)
  }

  /// Layer normalisation without parameters, modulated: LN(x) · (1 + scale) + shift (Peebles and
  /// Xie, 2023).
  ///
  /// # Shapes
  /// self `[B, L, C]`, scale and shift `[B, 1, C]` or `[1, 1, C]` → `[B, L, C]` of type `dtype`,
  /// self's by default.
  public func modulatedNorm(
    scale: Tensor, shift: Tensor, epsilon: Double = 1e-6, dtype: DType? = nil
  ) -> Tensor {
    let result = dtype ?? self.dtype
    guard isFusable && isFloat && scale.isFloat && shift.isFloat && result.isFusable else {
      return modulatedNormReference(scale: scale, shift: shift, epsilon: epsilon).to(result)
    }
    return aten(.modulatedNorm, self, scale, shift, epsilon, result)
  }

  func modulatedNormReference(scale: Tensor, shift: Tensor, epsilon: Double) -> Tensor {
    let normalized = layerNorm(nil, nil, epsilon: epsilon)
    return aten(.addcmul, normalized + shift, normalized, scale)
  }

  /// Group normalisation (Wu and He, 2018), then silu(z) = z σ(z) if asked for: as `channelNorm`,
  /// over all positions and the channels of one of `groups` groups. Without derivatives; tensors
  /// that need them are composed.
  ///
  /// # Shapes
  /// self `[B, C, H, W]`, γ (`weight`) and β (`bias`) `[C]` → `[B, C, H, W]` of self's type, by the
  /// operator in channels-last memory.
  public func groupNorm(
    _ groups: Int, _ weight: Tensor, _ bias: Tensor, epsilon: Double = 1e-6, silu: Bool = false
  ) -> Tensor {
    let operands = [self, weight, bias]
    guard isFusable && operands.allSatisfy({ $0.isFloat && !$0.requiresGradient }) else {
      return groupNormReference(groups, weight, bias, epsilon: epsilon, silu: silu)
    }
    return aten(.fusedGroupNorm, self, groups, weight, bias, epsilon, silu)
  }

  func groupNormReference(
    _ groups: Int, _ weight: Tensor, _ bias: Tensor, epsilon: Double, silu: Bool
  ) -> Tensor {
    let normalized = aten(.groupNorm, self, groups, weight, bias, epsilon)
    return silu ? normalized.silu() : normalized
  }

  // MARK: Quantisation

  /// q = clamp(round(x / scale) + zeroPoint, 0, 255), half to even; without derivatives.
  ///
  /// # Shapes
  /// self of any shape → the same, uint8, in the same memory order.
  public func quantized(scale: Double, zeroPoint: Int) -> Tensor {
    guard isFusable else { return quantizedReference(scale: scale, zeroPoint: zeroPoint) }
    return aten(.quantized, self, scale, zeroPoint)
  }

  func quantizedReference(scale: Double, zeroPoint: Int) -> Tensor {
    ((widened / scale).rounded() + Double(zeroPoint)).clamped(min: 0, max: 255).to(.uint8)
  }

  // MARK: Activations

  /// GELU by its tanh approximation: 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))) (Hendrycks and
  /// Gimpel, 2016).
  ///
  /// # Shapes
  /// self of any shape → the same, of self's type and in the same memory order.
  func geluTanh() -> Tensor {
    isFusable ? aten(.geluTanh, self) : geluTanhReference()
  }

  func geluTanhReference() -> Tensor { aten(.gelu, self, "tanh") }

  // MARK: Attention

  /// Queries, keys and values of cosine attention with rotary positions (Su et al., 2021) from one
  /// projection: q and k are divided by max(‖·‖₂, 1e-12), q is multiplied by its head's scale,
  /// and both turn in pairs of channels: (a, b) → (a cos − b sin, a sin + b cos).
  ///
  /// # Shapes
  /// self `[B, L, 3 C]` in the order q, k, v, each of `heads` times c channels; logitScale with
  /// `heads` elements; cosines and sines `[L, c / 2]`, or `[B, L, c / 2]` where the samples'
  /// positions differ → q, k, v `[B, H, L, c]` of self's type.
  public func rotatedHeads(
    _ heads: Int, logitScale: Tensor, cosines: Tensor, sines: Tensor
  ) -> (queries: Tensor, keys: Tensor, values: Tensor) {
    guard isFusable && logitScale.isFloat && cosines.isFloat && sines.isFloat else {
      return rotatedHeadsReference(heads, logitScale: logitScale, cosines: cosines, sines: sines)
    }
    let parts = atenList(.rotatedHeads, [self, logitScale, cosines, sines, heads])
    return (parts[0], parts[1], parts[2])
  }

  func rotatedHeadsReference(
    _ heads: Int, logitScale: Tensor, cosines: Tensor, sines: Tensor
  ) -> (queries: Tensor, keys: Tensor, values: Tensor) {
    let (batch, length, type) = (size(0), size(1), dtype)
    let parts = reshaped(batch, length, 3, heads, -1).permuted(2, 0, 3, 1, 4)  // [3, B, H, L, c]
    let ofSamples = cosines.rank == 3
    let cosines = ofSamples ? cosines.unsqueezed(1) : cosines
    let sines = ofSamples ? sines.unsqueezed(1) : sines
    func turned(_ x: Tensor) -> Tensor {
      let pairs = x.reshaped(batch, heads, length, -1, 2)
      let (a, b) = (pairs.selected(4, 0), pairs.selected(4, 1))
      return Tensor.stacked([a * cosines - b * sines, a * sines + b * cosines], 4)
        .reshaped(x.shape).to(type)
    }
    let q = parts.selected(0, 0).widened.l2Normalized(-1) * logitScale.reshaped(heads, 1, 1)
    let k = parts.selected(0, 1).widened.l2Normalized(-1)
    return (turned(q), turned(k), parts.selected(0, 2).contiguous())
  }

  /// softmax(q kᵀ · scale) v by blocks of queries whose scores stay in the cache (Dao et al.,
  /// 2022), without derivatives; nil for operands that it does not take, those that need gradients
  /// among them. A sample's result does not depend on the others of the batch, nor any on the
  /// number of threads.
  ///
  /// # Shapes
  /// self (q) `[B, H, Lq, c]`, k and v `[B, H, Lk, c]` → `[B, H, Lq, c]`, in the memory order of
  /// `[B, Lq, H, c]`.
  func fusedAttention(_ keys: Tensor, _ values: Tensor, scale: Double) -> Tensor? {
    let operands = [self, keys, values]
    // Packing many keys does not pay for one query; in bfloat16 libtorch's is slower still.
    guard isFusable && scale > 0 && shape.count == 4 && keys.shape == values.shape,
      !isFloat || size(2) > 1 || keys.size(2) <= 64,
      // Nor does it of very many for each of the threads that share a head. (By the heads of a
      // sample, so that its result does not depend on the batch.)
      keys.size(2) <= 1024 || size(1) >= 16,
      keys.shape == [size(0), size(1), keys.size(2), size(3)] && keys.size(2) > 0,
      operands.allSatisfy({ $0.dtype == dtype && $0.device == device && !$0.requiresGradient }),
      !isFloat || autocastType(on: device) == .float32
    else { return nil }
    return aten(.fusedAttention, self, keys, values, scale)
  }

  /// Attention by libtorch; in float32 where its bfloat16 does not serve
  /// (`Processor.attendsInBFloat16`).
  package func attentionReference(
    _ keys: Tensor, _ values: Tensor, mask: Tensor? = nil, scale: Double?,
    processor: Processor = .current
  ) -> Tensor {
    func attention(_ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor {
      aten(.scaledDotProductAttention, q, k, v, mask, 0.0, false, scale)
    }
    let isNarrow =
      dtype == .bfloat16 || (isFloat && autocastType(on: device) == .bfloat16)
    guard device == .cpu, isNarrow, !processor.attendsInBFloat16 else {
      return attention(self, keys, values)
    }
    return withAutocast(.float32, on: device) {
      attention(to(.float32), keys.to(.float32), values.to(.float32))
    }.to(.bfloat16)
  }

  /// x + gate · y.
  ///
  /// # Shapes
  /// self (x) and y `[B, L, C]`, gate `[B, 1, C]` or `[1, 1, C]` → `[B, L, C]` of self's type.
  public func gatedResidual(_ y: Tensor, gate: Tensor) -> Tensor {
    guard isFusable && isFloat && y.isFusable && gate.isFloat else {
      return gatedResidualReference(y, gate: gate)
    }
    return aten(.gatedResidual, self, y, gate)
  }

  func gatedResidualReference(_ y: Tensor, gate: Tensor) -> Tensor {
    aten(.addcmul, self, y.to(dtype), gate)
  }

  // MARK: Element types

  private var isFloat: Bool { dtype == .float32 }
  private var isFusable: Bool { dtype.isFusable && device == .cpu }

  /// The tensor in a type in which arithmetic keeps its precision: at least float32.
  private var widened: Tensor { dtype == .float64 ? self : to(.float32) }
}

extension DType {
  fileprivate var isFusable: Bool { self == .float32 || self == .bfloat16 }
}
