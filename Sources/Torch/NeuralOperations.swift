/// Matrix products, convolutions, normalisation, attention and resampling.
extension Tensor {
  public func matmul(_ other: Tensor) -> Tensor { aten(.matmul, self, other) }

  /// x Wᵀ + b over the last axis: `[..., I]`, W `[O, I]` → `[..., O]`.
  public func linear(_ weight: Tensor, _ bias: Tensor? = nil) -> Tensor {
    aten(.linear, self, weight, bias)
  }

  /// 2-D convolution: `[B, I, H, W]`, W `[O, I / groups, k, k]` → `[B, O, H', W']`.
  public func conv2d(
    _ weight: Tensor, _ bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, groups: Int = 1
  ) -> Tensor {
    aten(.conv2d, self, weight, bias, [stride, stride], [padding, padding], [1, 1], groups)
  }

  public func layerNorm(_ weight: Tensor?, _ bias: Tensor?, epsilon: Double) -> Tensor {
    layerNorm(over: [size(-1)], weight, bias, epsilon: epsilon)
  }

  /// Layer normalisation over the trailing dimensions `over`.
  public func layerNorm(
    over shape: [Int], _ weight: Tensor?, _ bias: Tensor?, epsilon: Double
  ) -> Tensor {
    aten(.layerNorm, self, shape, weight, bias, epsilon)
  }

  /// softmax(q kᵀ · scale + mask) v for q `[B, H, Lq, c]`, k and v `[B, H, Lk, c]`; a boolean mask
  /// is true where attention is allowed. The scale is 1 / √c by default.
  public func attention(
    _ keys: Tensor, _ values: Tensor, mask: Tensor? = nil, scale: Double? = nil
  ) -> Tensor {
    if mask == nil,
      let mixed = fusedAttention(
        keys, values, scale: scale ?? 1 / Double(size(-1)).squareRoot())
    {
      return mixed
    }
    return attentionReference(keys, values, mask: mask, scale: scale)
  }

  public func maxPool2d(_ size: Int, stride: Int) -> Tensor {
    aten(.maxPool2d, self, [size, size], [stride, stride])
  }

  public func averagePool2d(_ size: Int) -> Tensor {
    aten(.avgPool2d, self, [size, size], [size, size])
  }

  /// Means over squares of `side` pixels, an odd number, around every pixel of the last two axes;
  /// at the edges over what lies inside.
  public func boxMean(_ side: Int) -> Tensor {
    aten(.avgPool2d, self, [side, side], [1, 1], [side / 2, side / 2], false, false)
  }

  /// The discrete Fourier transform over the last two dimensions, complex.
  public func fourierTransformed2d() -> Tensor {
    aten(.fft2, self, [Int]?.none, [-2, -1], String?.none)
  }

  /// The Moore-Penrose inverse of a matrix; singular values below `tolerance` times the largest
  /// count as 0.
  public func pseudoInverse(tolerance: Double) -> Tensor {
    aten(.pseudoInverse, self, tolerance)
  }

  /// `[B, C, H, W]` → `[B, C f², H/f, W/f]`, channel order c f² + dy f + dx.
  public func pixelUnshuffled(_ factor: Int) -> Tensor { aten(.pixelUnshuffle, self, factor) }
  /// The inverse of `pixelUnshuffled`.
  public func pixelShuffled(_ factor: Int) -> Tensor { aten(.pixelShuffle, self, factor) }

  public enum Interpolation: String, CaseIterable, Codable, Sendable {
    /// Adaptive average: each output cell is the mean of the input cells it touches.
    case area
    case bilinear
    /// Keys' cubic, A = -0.75, without anti-aliasing.
    case bicubic
    /// Keys' cubic, A = -0.5, with anti-aliasing when shrinking (Pillow's filter).
    case bicubicAntialiased = "bicubic_antialiased"
    case nearest
  }

  /// Spatial resize of `[B, C, H, W]`, align_corners = false. With `factors`, source coordinates
  /// use them instead of the ratio of sizes.
  public func resized(
    _ height: Int, _ width: Int, _ mode: Interpolation, factors: (Double, Double)? = nil
  ) -> Tensor {
    let size = [height, width]
    let (fy, fx) = (factors?.0, factors?.1)
    switch mode {
    case .area: return aten(.adaptiveAvgPool2d, self, size)
    case .bilinear: return aten(.upsampleBilinear, self, size, false, fy, fx)
    case .bicubic: return aten(.upsampleBicubic, self, size, false, fy, fx)
    case .bicubicAntialiased: return aten(.upsampleBicubicAntialiased, self, size, false, fy, fx)
    case .nearest: return aten(.upsampleNearest, self, size, fy, fx)
    }
  }
}
