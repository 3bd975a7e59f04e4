/// What a run does to need less memory per rank. No choice changes the results beyond the rounding
/// of sums over ranks.
public struct MemorySettings: Codable, Equatable, Sendable {
  /// The activations that are computed again in the backward pass.
  public enum Recomputation: String, CaseIterable, Codable, Sendable {
    /// None: all are kept from the forward pass.
    case none
    /// Those inside of the transformer's blocks; the inputs of the blocks are kept (Chen et al.,
    /// Training Deep Nets with Sublinear Memory Cost, 2016).
    case blocks
  }

  /// What is divided among the ranks (Rajbhandari et al., ZeRO, 2020).
  public enum Sharding: String, CaseIterable, Codable, Sendable {
    /// Nothing: every rank holds everything.
    case none
    /// The moments and the averages (ZeRO-1).
    case optimizer
    /// These, the weights and their gradients (ZeRO-3): a block's weights are gathered when they
    /// are needed and freed. Blocks are recomputed.
    case parameters
  }

  public var recompute = Recomputation.none
  public var sharding = Sharding.none

  public init() {}

  /// Whether the inside of blocks is computed again in the backward pass.
  public var recomputesBlocks: Bool { recompute == .blocks || sharding == .parameters }
}
