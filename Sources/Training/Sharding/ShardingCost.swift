/// The memory of one rank and the bytes that it sends, for a group of parameters that one optimiser
/// updates. Activations are apart.
///
/// With P parameters, N ranks and float32 weights, in bytes per rank:
///
/// | | `none` | `optimizer` | `parameters` |
/// |---|---|---|---|
/// | weights | 4 P | 4 P | 4 P / N |
/// | gradients | 4 P | 4 P | 4 P / N |
/// | moments | 8 P | 8 P / N | 8 P / N |
/// | averages | 4 P | 4 P / N | 4 P / N |
///
/// Shards are rounded up to whole elements and parameters to 64 bytes, which is not counted.
public struct ShardingCost: Equatable, Sendable {
  /// Parameters that are gathered together.
  public struct Unit: Equatable, Sendable {
    /// Elements of matrices and kernels, which are gathered in the type of products.
    public var products: Int
    /// Elements of all other parameters, which are gathered in float32.
    public var others: Int

    public init(products: Int, others: Int) {
      self.products = products
      self.others = others
    }

    public var count: Int { products + others }
  }

  /// The blocks that `parameters` shards; empty for groups without blocks.
  public var blocks: [Unit]
  /// The parameters outside of blocks.
  public var rest: Unit
  public var ranks: Int
  public var sharding: MemorySettings.Sharding
  /// Bytes per element of a gathered matrix: 2 where products are computed in bfloat16, else 4.
  public var gatheredSize: Int
  /// Backward passes per update.
  public var accumulation: Int

  public init(
    blocks: [Unit], rest: Unit, ranks: Int, sharding: MemorySettings.Sharding,
    gatheredSize: Int = 4, accumulation: Int = 1
  ) {
    precondition(ranks > 0 && accumulation > 0, "at least one rank and one pass")
    self.blocks = blocks
    self.rest = rest
    self.ranks = ranks
    self.sharding = sharding
    self.gatheredSize = gatheredSize
    self.accumulation = accumulation
  }

  /// P: the number of parameters.
  public var count: Int { blocks.reduce(rest.count) { $0 + $1.count } }

  // MARK: Bytes that are held throughout

  public var weightBytes: Double { 4 * (sharding == .parameters ? shard : Double(count)) }
  public var gradientBytes: Double { 4 * (sharding == .parameters ? shard : Double(count)) }
  public var momentBytes: Double { 8 * (sharding == .none ? Double(count) : shard) }
  public var averageBytes: Double { 4 * (sharding == .none ? Double(count) : shard) }

  /// The sum of the four.
  public var stateBytes: Double { weightBytes + gradientBytes + momentBytes + averageBytes }

  /// The most bytes that gathered weights and gradients on their way to the shards take for a
  /// moment. `parameters`: the rest during the whole pass, and one block with its gradients, once
  /// as tensors and once in float32 in the order of the shards.
  public var transientBytes: Double {
    guard sharding == .parameters else { return 0 }
    let block = blocks.map { 2 * gathered($0) + 4 * Double($0.count) }.max() ?? 0
    return gathered(rest) + Swift.max(block, gathered(rest) + 4 * Double(rest.count))
  }

  // MARK: Communication

  /// The bytes that one rank sends per update, by algorithms that send each byte as seldom as
  /// possible: an all-gather or a reduce-scatter of n bytes sends n (N − 1) / N of each rank, an
  /// all-reduce twice as much.
  ///
  /// `none`: an all-reduce of the gradients, 2 · 4 P (N − 1) / N. `optimizer`: an all-gather of the
  /// updated weights besides, 3 · 4 P (N − 1) / N. `parameters`, with s bytes per gathered element:
  /// per backward pass two all-gathers of each block, one of the rest, and a reduce-scatter of all
  /// gradients, (2 s P_blocks + s P_rest + 4 P) (N − 1) / N.
  public var sentBytes: Double {
    let share = Double(ranks - 1) / Double(ranks)
    let all = 4 * Double(count)
    return switch sharding {
    case .none: 2 * all * share
    case .optimizer: 3 * all * share
    case .parameters:
      Double(accumulation) * share
        * (blocks.reduce(gathered(rest)) { $0 + 2 * gathered($1) } + all)
    }
  }

  /// P / N.
  private var shard: Double { Double(count) / Double(ranks) }

  private func gathered(_ unit: Unit) -> Double {
    Double(gatheredSize * unit.products) + 4 * Double(unit.others)
  }
}
