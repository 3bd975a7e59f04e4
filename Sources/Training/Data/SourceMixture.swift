import Torch

/// Samples from several sources, drawn with different probabilities. Where any source has a
/// teacher, every sample has one: for sources without a teacher, the high-quality picture itself.
public final class SourceMixture: TrainingSource {
  public let sources: [any TrainingSource]
  public let seed: UInt64
  private let choose: WeightedChoice

  public var count: Int { sources.reduce(0) { $0 + $1.count } }
  public var pixels: Int { sources.reduce(0) { $0 + $1.pixels } }
  public let hasTeacher: Bool

  /// - Parameter sources: at least one, with weights above 0, which need not sum to 1.
  public init(_ sources: [(source: any TrainingSource, weight: Double)], seed: UInt64) {
    precondition(
      !sources.isEmpty && sources.allSatisfy { $0.weight > 0 && $0.weight.isFinite },
      "sources with positive weights, not \(sources.map(\.weight))")
    self.sources = sources.map(\.source)
    self.seed = seed
    choose = WeightedChoice(sources.map(\.weight))
    hasTeacher = sources.contains { $0.source.hasTeacher }
    let total = sources.reduce(0) { $0 + $1.weight }
    fingerprint = sources.reduce(0) {
      RandomStream.key(
        RandomStream.key($0, $1.source.fingerprint), ($1.weight / total).bitPattern)
    }
  }

  public let fingerprint: UInt64
  public var captions: Set<String> {
    sources.reduce(into: []) { $0.formUnion($1.captions) }
  }

  public func pair(_ index: Int) throws -> TrainingPair {
    var random = RandomStream(seed, UInt64(index), 0x736F_7572_6365)
    let pair = try sources[choose(random.uniform())].pair(index)
    guard hasTeacher, pair.teacher == nil else { return pair }
    return TrainingPair(
      scale: pair.scale, highQuality: pair.highQuality, lowQuality: pair.lowQuality,
      teacher: pair.highQuality, height: pair.height, width: pair.width, seed: pair.seed,
      caption: pair.caption)
  }
}
