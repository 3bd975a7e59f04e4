import Settings
import Torch

/// Shortcuts that need no training and cost quality; none by default.
public struct Acceleration: Equatable, Sendable {
  /// The number of scales that are run; the details of the finer ones are left out. nil: as the
  /// model recommends. 0: none, the decoder makes the picture of the low-quality one alone.
  public var scales: Int?
  /// Shares of the tokens that are left out at the last scales, coarse to fine: the settled ones,
  /// whose context is nearest to its mean, take what the scale before gave at their place (after
  /// FastVAR, Guo et al., 2025, arXiv 2503.23367).
  public var pruning: [Double] = []
  /// All scales after the prefix in one pass, each seeing the sum of the prefix in place of the
  /// scales before it: for models distilled to that (as VARestorer, Zhu et al., 2026, arXiv
  /// 2604.21450).
  public var onePass = false

  public init() {}

  /// The shares of tokens that can be left out.
  public static let shares = 0.0...0.95

  /// - Parameters:
  ///   - fewest: the smallest number of scales that make a picture.
  ///   - count: scales of the schedule.
  ///   - forced: scales of the prefix.
  /// - Throws: `ConfigurationError` for values that a schedule has no room for.
  package func validate(
    _ check: SettingsCheck = SettingsCheck(), fewest: Int = 1, scales count: Int, forced: Int
  ) throws {
    if let scales { try check("scales", scales, fewest...count) }
    try check("pruning", pruning, Self.shares, count: 0...max(0, count - max(forced, 1)))
    try check(
      "onePass", !onePass || forced > 0,
      else: "needs the scales of a transformation network, which this model lacks")
    try check("onePass", !onePass || pruning.isEmpty, else: "leaves no scale to prune")
  }

  /// The share of tokens to leave out at scale k of `count`.
  func pruned(scale k: Int, of count: Int) -> Double {
    let index = k - (count - pruning.count)
    return pruning.indices.contains(index) ? pruning[index] : 0
  }
}

/// The tokens of a scale that go through the transformer while the others take what the scale
/// before gave.
struct TokenSelection {
  /// Places in the scale, ascending, as many of every sample, `[B, n]`.
  let indices: Tensor

  /// Those whose context `[B, L, D]` is farthest from its mean; nil where all stay.
  init?(_ context: Tensor, leavingOut share: Double) {
    let count = context.size(1)
    let kept = max(1, Int((Double(count) * (1 - share)).rounded(.up)))
    guard kept < count else { return nil }
    let deviation = (context - context.mean([1], keep: true)).square().sum([2])  // [B, L]
    let descending = (-deviation).sorted(1).indices
    indices = descending.narrowed(1, from: 0, count: kept).sorted(1).values
  }

  /// The selected ones of the tokens `[B, L, C]`, `[B, n, C]`.
  func callAsFunction(_ tokens: Tensor) -> Tensor {
    tokens.gathered(1, places(tokens.size(2)))
  }

  /// `indices` for every channel, `[B, n, C]`.
  private func places(_ channels: Int) -> Tensor {
    indices.unsqueezed(2).expanded(indices.shape + [channels])
  }

  /// Hidden states of all tokens, `[B, L, C]`: `computed` `[B, n, C]` at the selected places,
  /// elsewhere those of the scale before, `earlier` on its grid, enlarged.
  func restored(_ computed: Tensor, _ earlier: (hidden: Tensor, size: GridSize), size: GridSize)
    -> Tensor
  {
    let (batch, channels) = (computed.size(0), computed.size(2))
    let map = earlier.hidden.transposed(1, 2)
      .reshaped(batch, channels, earlier.size.height, earlier.size.width)
    let enlarged = map.resized(size.height, size.width, .bilinear).flattened(from: 2)
      .transposed(1, 2)
    return enlarged.contiguous().scattered(1, places(channels), computed)
  }
}
