import Torch

/// Four-bit weights for shipping: `group` inputs of a row of a matrix W `[O, I]` share a scale s,
/// and w is stored as q = round(w / s) ∈ [−8, 7]. Two tensors: "W" (U8, `[O, I / 2]`, q + 8 of an
/// even input in the low four bits and of the next in the high ones) and "W.scale" (F16, `[O, I /
/// group]`).
///
/// The scale has the sign that makes the largest weight of a group −8 or, clipped, less: of a few
/// clipping factors and both signs, each followed by the scale of least squares s = Σ w q / Σ q²,
/// the one with the least squared error is taken. Normal weights are then off by 7.2 % of their
/// deviation, in groups of 32 by 8.2 %, of 64 by 9.0 %.
public struct Int4Weight: Sendable {
  /// Inputs that share a scale where nothing else is asked for.
  public static let standardGroup = 16
  /// Shares of the largest weight that become q = −8.
  static let clippings = [1, 0.93, 0.86, 0.79, 0.72]

  public let values: Tensor
  public let scale: Tensor

  /// Whether a matrix of this many inputs can be stored in four bits.
  public static func fits(inputs: Int, group: Int = standardGroup) -> Bool {
    inputs > 0 && inputs % group == 0
  }

  /// Quantises `weight` `[O, I]`, whose inputs are a multiple of `group`.
  public init(_ weight: Tensor, group: Int = standardGroup) {
    let (outputs, inputs) = (weight.size(0), weight.size(1))
    precondition(Self.fits(inputs: inputs, group: group) && group % 2 == 0)
    // Blocks of rows that stay in the processor's cache.
    let rows = max(1, (1 << 18) / inputs)
    var parts: [(values: Tensor, scale: Tensor)] = []
    for start in stride(from: 0, to: outputs, by: rows) {
      let block = weight.detached().narrowed(0, from: start, count: min(rows, outputs - start))
      parts.append(Self.quantized(block.to(.float32).reshaped(block.size(0), -1, group)))
    }
    values = .concatenated(parts.map(\.values), 0)
    scale = .concatenated(parts.map(\.scale), 0)
  }

  /// Stored values `[O, I / 2]` and their scale `[O, I / group]`.
  public init(values: Tensor, scale: Tensor) {
    self.values = values
    self.scale = scale
  }

  /// Inputs that share a scale.
  public var group: Int { 2 * values.size(1) / scale.size(1) }

  /// The shape of the matrix, `[O, I]`.
  public var shape: [Int] { [values.size(0), 2 * values.size(1)] }

  /// s q in `dtype`, `[O, I]`.
  public func dequantized(_ dtype: DType = .float32) -> Tensor {
    let bytes = values.to(.float32)
    let high = (bytes * 0.0625).floor()
    let q = Tensor.stacked([bytes - high * 16, high], 2) - 8  // [O, I / 2, 2]
    return (q.reshaped(values.size(0), scale.size(1), group) * scale.to(.float32).unsqueezed(2))
      .to(dtype).reshaped(shape)
  }

  /// w `[R, n, group]` float32 → values `[R, n · group / 2]`, scale `[R, n]`.
  private static func quantized(_ w: Tensor) -> (values: Tensor, scale: Tensor) {
    // The largest weight by its magnitude, with the opposite sign, [R, n, 1].
    let (highest, lowest) = (w.max([2], keep: true), -(-w).max([2], keep: true))
    let opposite = -highest.selected(where: highest + lowest .> 0, else: lowest)
    var best = storable(opposite / 8)
    var least = error(w, best)
    for clipping in clippings.flatMap({ [$0, -$0] }) {
      let q = levels(w, storable(opposite * (clipping / 8)))
      let candidate = storable(
        (w * q).sum([2], keep: true) / q.square().sum([2], keep: true).clamped(min: 1))
      let found = error(w, candidate)
      let isBetter = found .< least
      best = candidate.selected(where: isBetter, else: best)
      least = found.selected(where: isBetter, else: least)
    }
    let pairs = (levels(w, best) + 8).reshaped(w.size(0), -1, 2)  // [R, I / 2, 2]
    return (
      (pairs.selected(2, 0) + pairs.selected(2, 1) * 16).to(.uint8).contiguous(),
      best.squeezed(2).to(.float16).contiguous()
    )
  }

  /// The nearest scale that float16 holds, and not zero.
  private static func storable(_ scale: Tensor) -> Tensor {
    let magnitude = scale.abs().clamped(min: 0x1p-24, max: 65504).to(.float16).to(.float32)
    return magnitude * (1 - 2 * (scale .< 0).to(.float32))
  }

  private static func levels(_ w: Tensor, _ scale: Tensor) -> Tensor {
    (w / scale).rounded().clamped(min: -8, max: 7)
  }

  /// Σ (w − s q)² of each group, `[R, n, 1]`.
  private static func error(_ w: Tensor, _ scale: Tensor) -> Tensor {
    (w - levels(w, scale) * scale).square().sum([2], keep: true)
  }
}
