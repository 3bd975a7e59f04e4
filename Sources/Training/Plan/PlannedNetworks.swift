import NSARM
import Torch

/// The networks of a run: their weights and operations, counted without making them.
struct PlannedNetworks {
  /// The trained parameters.
  private(set) var blocks: [ShardingCost.Unit] = []
  private(set) var rest = ShardingCost.Unit(products: 0, others: 0)
  /// The number of weights that the run holds but does not train.
  private(set) var frozen = 0
  /// Floating-point operations of a sample: of the trained networks' forward pass, and of what is
  /// computed outside of the graph.
  let trainedOperations, frozenOperations: Double

  /// The number of trained weights.
  var trained: Int { blocks.reduce(rest.count) { $0 + $1.count } }

  /// - Throws: `ConfigurationError` where the configuration makes no sense.
  init(_ configuration: ModelConfiguration, _ stage: StageName) throws {
    let model = try configuration.withoutTensors()
    let part: Model.Part = stage == .stage1 ? .transformationNetwork : .transformer
    let pixels = Double(configuration.tileSide * configuration.tileSide)
    let lowPixels = pixels / Double(configuration.scale * configuration.scale)
    var outside = model.encoder?.operations(pixels: pixels) ?? 0
    if model.transformationNetwork?.readsLatent == true, stage != .transformer {
      outside += model.encoder?.operations(pixels: lowPixels) ?? 0
    }
    let prefix = model.transformationNetwork?.operations(pixels: lowPixels) ?? 0
    let counts = configuration.scaleSchedule.tokens.map(\.count)
    let bits = model.transformer?.operations(tokens: counts, forced: 0) ?? 0
    trainedOperations = stage == .stage1 ? prefix : bits
    frozenOperations = outside + (stage == .stage2 ? prefix : 0)

    var units: [String: ShardingCost.Unit] = [:]
    for parameter in model.parameters(of: part) {
      let count = parameter.value.count
      var unit = ShardingCost.Unit(products: 0, others: 0)
      if parameter.role.isWide { unit.others = count } else { unit.products = count }
      guard let block = Self.block(parameter.name) else {
        rest = rest + unit
        continue
      }
      units[block] = (units[block] ?? .init(products: 0, others: 0)) + unit
    }
    blocks = units.sorted { $0.key < $1.key }.map(\.value)
    frozen = model.store.count - trained
  }

  /// The part of a parameter's name that names its block of the transformer.
  private static func block(_ name: String) -> String? {
    name.prefixMatch(of: #/transformer\.(blocks\.\d+|block_chunks\.\d+\.module\.\d+)\./#)
      .map { String($0.1) }
  }
}

extension ShardingCost.Unit {
  fileprivate static func + (a: Self, b: Self) -> Self {
    .init(products: a.products + b.products, others: a.others + b.others)
  }
}
