import Torch

/// Eight-bit weights for shipping: row o of a weight W of rank ≥ 2 is stored as q = round(W_o /
/// s_o) ∈ [−127, 127] with s_o = max|W_o| / 127 (symmetric, per output channel), in two tensors:
/// "W" (I8, the shape of W) and "W.scale" (F32, `[O]`).
public struct Int8Weight {
  public let values: Tensor
  public let scale: Tensor

  /// Quantises `weight` `[O, ...]`; the error of an element is at most s_o / 2.
  public init(_ weight: Tensor) {
    let wide = weight.detached().to(.float32)
    let rows = wide.reshaped(weight.size(0), -1)
    let largest = rows.abs().max([1])
    scale = (largest / 127).clamped(min: Double(Float.leastNormalMagnitude))
    values = (rows / scale.unsqueezed(1)).rounded().clamped(min: -127, max: 127)
      .to(.int8).reshaped(weight.shape)
  }

  /// Stored values `[O, ...]` and their scale `[O]`.
  public init(values: Tensor, scale: Tensor) {
    self.values = values
    self.scale = scale
  }

  /// s_o q in `dtype`.
  public func dequantized(_ dtype: DType = .float32) -> Tensor {
    let factors = scale.reshaped([scale.count] + Array(repeating: 1, count: values.rank - 1))
    return (values.to(.float32) * factors).to(dtype)
  }
}

/// The name of the scale that belongs to the quantised weight `name`.
public func scaleName(_ name: String) -> String { name + ".scale" }
