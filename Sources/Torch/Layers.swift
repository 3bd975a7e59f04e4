/// y = x Wᵀ + b over the last axis.
///
/// # Shapes
/// x `[..., I]` → `[..., O]`; `weight` `[O, I]`, `bias` `[O]`.
public struct Linear: Sendable {
  public let weight: Parameter
  public let bias: Parameter?

  public init(
    _ inputs: Int, _ outputs: Int, role: WeightRole = .matrix, bias: Bool = true, gain: Double = 1,
    _ p: ParameterScope
  ) throws {
    weight = try p("weight", [outputs, inputs], role, .scaledNormal(fanIn: inputs, gain: gain))
    self.bias = bias ? try p("bias", [outputs], .vector, .zeros) : nil
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { weight.linear(x, bias?.value) }

  /// gelu(x Wᵀ + b) with the tanh approximation.
  public func gelu(_ x: Tensor) -> Tensor {
    weight.linearKernel?.linearGELU(x, bias?.value) ?? self(x).gelu(approximate: true)
  }
}

extension Parameter {
  /// The range of 8-bit inputs, where this kernel is quantised.
  public var inputRange: QuantizationRange? { convolutionKernel?.inputRange }

  /// x Wᵀ + b for this matrix `[O, I]`.
  public func linear(_ x: Tensor, _ bias: Tensor?) -> Tensor {
    linearKernel?.linear(x, bias) ?? x.linear(value, bias)
  }
}

/// 2-D convolution with a square kernel.
///
/// # Shapes
/// x `[B, I, H, W]` → `[B, O, H', W']`; `weight` `[O, I, k, k]`, `bias` `[O]`. Where the weight is
/// quantised, x may be `uint8` in its `inputRange`.
public struct Conv2d: Sendable {
  public let weight: Parameter
  public let bias: Parameter?
  public let stride, padding: Int

  /// `padding` defaults to what keeps the size at stride 1.
  public init(
    _ inputs: Int, _ outputs: Int, kernel: Int = 3, stride: Int = 1, padding: Int? = nil,
    role: WeightRole = .kernel, bias: Bool = true, gain: Double = 1, biasDeviation: Double = 0,
    _ p: ParameterScope
  ) throws {
    weight = try p(
      "weight", [outputs, inputs, kernel, kernel], role,
      .scaledNormal(fanIn: inputs * kernel * kernel, gain: gain))
    self.bias =
      bias
      ? try p("bias", [outputs], .vector, biasDeviation == 0 ? .zeros : .normal(biasDeviation))
      : nil
    self.stride = stride
    self.padding = padding ?? kernel / 2
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    weight.convolutionKernel?.conv2d(x, bias?.value, stride: stride, padding: padding)
      ?? x.conv2d(weight.value, bias?.value, stride: stride, padding: padding)
  }

  // MARK: With what comes before or after, in one pass over memory where the kernel can

  /// activation(self(x))
  public func callAsFunction(_ x: Tensor, then activation: PReLU) -> Tensor {
    fused(x, .init(slope: activation.weight.value)) ?? activation(self(x))
  }

  /// max(0, z) + slope · min(0, z) for z = self(x)
  public func callAsFunction(_ x: Tensor, leaky slope: Double) -> Tensor {
    fused(x, slope: slope) ?? self(x).leakyRelu(slope)
  }

  /// self(x) + residual
  public func callAsFunction(_ x: Tensor, plus residual: Tensor) -> Tensor {
    fused(x, .init(residual: residual)) ?? residual + self(x)
  }

  /// self(x), where each pixel of x is repeated twice in both directions first.
  public func callAsFunction(enlarged x: Tensor) -> Tensor {
    fused(x, .init(isEnlarged: true)) ?? self(x.resized(2 * x.size(2), 2 * x.size(3), .nearest))
  }

  /// The same with a leaky activation.
  public func callAsFunction(enlarged x: Tensor, leaky slope: Double) -> Tensor {
    fused(x, slope: slope, isEnlarged: true) ?? self(enlarged: x).leakyRelu(slope)
  }

  private func fused(_ x: Tensor, slope: Double, isEnlarged: Bool = false) -> Tensor? {
    guard weight.convolutionKernel != nil else { return nil }
    let slopes = Tensor.full([weight.value.size(0)], slope)
    return fused(x, .init(slope: slopes, isEnlarged: isEnlarged))
  }

  private func fused(_ x: Tensor, _ fusion: ConvolutionFusion) -> Tensor? {
    weight.convolutionKernel?.conv2d(
      x, bias?.value, stride: stride, padding: padding, fusion: fusion)
  }
}

/// max(0, x) + a · min(0, x), with a slope a per channel (He et al., 2015).
///
/// # Shapes
/// x `[B, C, H, W]` → the same; `weight` `[C]`.
public struct PReLU: Sendable {
  public let weight: Parameter

  public init(_ channels: Int, slope: Double = 0.25, _ p: ParameterScope) throws {
    weight = try p("weight", [channels], .vector, .constant(slope))
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    aten(.prelu, x, weight.value.to(x.dtype))
  }
}

/// Layer normalisation over the trailing axes: y = γ · (x − E[x]) / √(Var[x] + ε) + β (Ba et al.,
/// 2016).
///
/// # Shapes
/// x `[..., shape]` → the same, float32; γ (`weight`) and β (`bias`) of shape `shape`.
public struct LayerNorm: Sendable {
  public let weight, bias: Parameter
  public let shape: [Int]
  public let epsilon: Double

  public init(_ shape: Int..., epsilon: Double = 1e-6, _ p: ParameterScope) throws {
    weight = try p("weight", shape, .vector, .ones)
    bias = try p("bias", shape, .vector, .zeros)
    self.shape = shape
    self.epsilon = epsilon
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.to(.float32).layerNorm(over: shape, weight.value, bias.value, epsilon: epsilon)
  }
}

/// Root-mean-square normalisation over the last axis: y = γ · x / √(E[x²] + ε) (Zhang and Sennrich,
/// 2019).
///
/// # Shapes
/// x `[..., C]` → the same, in x's element type; the arithmetic is float32.
public struct RMSNorm: Sendable {
  public let weight: Parameter
  public let epsilon: Double

  public init(_ channels: Int, epsilon: Double = 1e-6, _ p: ParameterScope) throws {
    weight = try p("weight", [channels], .vector, .ones)
    self.epsilon = epsilon
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    let wide = x.to(.float32)
    let scale = aten(.rsqrt, wide.square().mean([-1], keep: true) + epsilon)
    return (wide * scale).to(x.dtype) * weight.value
  }
}

/// A table of vectors, one per index.
///
/// # Shapes
/// indices `[...]` → `[..., C]`; `weight` `[N, C]`.
public struct Embedding: Sendable {
  public let weight: Parameter

  public init(
    _ count: Int, _ channels: Int, role: WeightRole = .table, deviation: Double = 0.02,
    _ p: ParameterScope
  ) throws {
    weight = try p("weight", [count, channels], role, .normal(deviation))
  }

  public func callAsFunction(_ indices: Tensor) -> Tensor {
    aten(.embedding, weight.value, indices)
  }
}
