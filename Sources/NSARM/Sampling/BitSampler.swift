import Foundation
import Settings
import Torch

/// The settings with which bits are drawn from logits (`Documentation/method.md`, "Sampling").
public struct SamplingConfiguration: Codable, Equatable, Sendable, SettingsSection {
  /// τ: logits are divided by it; 0 takes the likelier value of every bit.
  public var temperature = 0.5
  /// Values kept of each bit's distribution: 1 takes the likelier one; 2, or 0, keeps both.
  public var topK = 2
  /// Smallest total probability of the values kept.
  public var topP = 0.97
  /// Classifier-free guidance on text; 1: off.
  public var guidance: Guidance = 1
  /// Where guidance mixes the results of the text and of the null text: nil or 0: the logits; −n:
  /// the output of the n-th block from the end, with which the blocks after it go on.
  public var guidanceLayer: Int?

  public init() {}

  /// The temperatures that make sense.
  public static let temperatures = 0.0...100

  /// - Parameters:
  ///   - check: knows where the values stand in their file.
  ///   - count: scales of the schedule; nil: not known here.
  ///   - depth: blocks of the transformer; nil: not known here.
  /// - Throws: `ConfigurationError` for values that sampling makes no sense of.
  public func validate(
    _ check: SettingsCheck = SettingsCheck(), scales count: Int? = nil, depth: Int? = nil
  ) throws {
    try check("temperature", temperature, Self.temperatures)
    try check("topK", topK, 0...65536)
    try check("topP", topP, 0...1)
    try guidance.validate(check, scales: count)
    if let guidanceLayer { try check("guidanceLayer", guidanceLayer, 1 - (depth ?? 512)...0) }
  }
}

/// Top-k and top-p filtered probabilities of logits that were already multiplied by 1 / τ.
///
/// # Shapes
/// logits `[..., V]` → `[..., V]`. As in the reference, top-p drops the least likely values while
/// their total stays at or below 1 − p, and never the likeliest.
public func filteredProbabilities(_ logits: Tensor, topK: Int, topP: Double) -> Tensor {
  var logits = logits
  let count = logits.size(-1)
  let excluded = Tensor.full([], -Double.infinity, logits.dtype, on: logits.device)
  if topK > 0, topK < count {
    let kept = logits.largest(topK, -1)
    logits = excluded.selected(
      where: logits .< kept.narrowed(-1, from: topK - 1, count: 1), else: logits)
  }
  if topP > 0, topP < 1 {
    let ascending = logits.sorted(-1)
    let dropped = ascending.values.softmax(-1).cumulativeSum(-1) .<= 1 - topP
    let safe = Tensor.concatenated(
      [
        dropped.narrowed(-1, from: 0, count: count - 1),
        .zeros(like: dropped.narrowed(-1, from: 0, count: 1)),
      ], -1)
    let inPlace = safe.scattered(-1, ascending.indices, safe)
    logits = excluded.selected(where: inPlace, else: logits)
  }
  return logits.softmax(-1)
}

/// Draws the bits of a scale. The uniform number behind each bit is a function of (seed, scale, row
/// and column on the whole picture's grid, bit) alone: the same picture whatever the tiling order,
/// the number of threads or the batch.
public struct BitSampler: Sendable {
  public let configuration: SamplingConfiguration
  public let seed: UInt64

  public init(_ configuration: SamplingConfiguration, seed: UInt64) {
    self.configuration = configuration
    self.seed = seed
  }

  /// - Parameters:
  ///   - logits: `[B, L, 2 D]`, index 2 · bit + value, already divided by τ and mixed by guidance.
  ///   - scale: index of the scale.
  ///   - size: the scale's grid, L = height · width.
  ///   - origins: for each sample of the batch, the place of its first token on the whole picture's
  ///     grid.
  ///   - carried: the biases and noise that a frame of a video takes from the frame before.
  /// - Returns: bits `[B, L, D]`, boolean.
  public func callAsFunction(
    _ logits: Tensor, scale: Int, size: GridSize, origins: [GridOffset],
    carried: TemporalBias? = nil
  ) -> Tensor {
    let (batch, length) = (logits.size(0), logits.size(1))
    let bits = logits.size(2) / 2
    let pairs = logits.reshaped(batch, length, bits, 2)
    let (zero, unbiased) = (pairs.selected(3, 0), pairs.selected(3, 1))
    let one = carried?.raised(unbiased) ?? unbiased
    guard configuration.temperature > 0, configuration.topK != 1 else { return one .> zero }
    let probability = filteredProbability(zero, one)
    var uniform = [Float](repeating: 0, count: batch * length * bits)
    for sample in 0..<batch {
      for y in 0..<size.height {
        for x in 0..<size.width {
          let token = (sample * size.height + y) * size.width + x
          let moved = carried?.displacements[token] ?? .zero
          let place = origins[sample] + GridOffset(row: y, column: x) + moved
          let key = Self.key(
            seed, UInt64(scale), UInt64(bitPattern: Int64(place.row)),
            UInt64(bitPattern: Int64(place.column)))
          let start = token * bits
          for bit in 0..<bits {
            // 24 random bits: exact in float32, in [0, 1).
            uniform[start + bit] = Float(Self.mix(key &+ UInt64(bit)) >> 40) * 0x1p-24
          }
        }
      }
    }
    let noise = Tensor(uniform, shape: [batch, length, bits]).to(logits.device)
    return noise .< probability.to(.float32)
  }

  /// The probability of a bit of 1 from the logits of both its values: `filteredProbabilities` for
  /// two values, where top-p leaves both or drops the less likely one.
  func filteredProbability(_ zero: Tensor, _ one: Tensor) -> Tensor {
    let difference = one.to(.float32) - zero.to(.float32)
    let p = difference.sigmoid()
    guard configuration.topP > 0, configuration.topP < 1 else { return p }
    let threshold = 1 - configuration.topP
    let isCertain = (-difference.abs()).sigmoid() .<= threshold
    return (difference .> 0).to(.float32).selected(where: isCertain, else: p)
  }

  private static func key(_ parts: UInt64...) -> UInt64 {
    parts.reduce(0) { mix($0 ^ $1) }
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    RandomStream.mix(value &+ 0x9E37_79B9_7F4A_7C15)
  }
}
