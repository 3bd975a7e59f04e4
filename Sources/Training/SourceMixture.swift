import Torch

/// Samples of several sources, each drawn from with a probability of its own. Where any source has a teacher,
/// every sample has one: the high-quality picture itself for sources that have none.
public final class SourceMixture: SampleSource {
  public let sources: [any SampleSource]
  public let seed: UInt64
  private let choose: WeightedChoice

  public var count: Int { sources.reduce(0) { $0 + $1.count } }
  public var pixels: Int { sources.reduce(0) { $0 + $1.pixels } }
  public let hasTeacher: Bool

  /// - Parameter sources: at least one, with weights above 0 that need not sum to 1.
  public init(_ sources: [(source: any SampleSource, weight: Double)], seed: UInt64) {
    precondition(
      !sources.isEmpty && sources.allSatisfy { $0.weight > 0 && $0.weight.isFinite },
      "sources with positive weights, not \(sources.map(\.weight))")
    self.sources = sources.map(\.source)
    self.seed = seed
    choose = WeightedChoice(sources.map(\.weight))
    hasTeacher = sources.contains { $0.source.hasTeacher }
  }

  public func sample(_ index: Int) throws -> Sample {
    var random = RandomStream(seed, UInt64(index), 0x736F_7572_6365)
    let sample = try sources[choose(random.uniform())].sample(index)
    guard hasTeacher, sample.teacher == nil else { return sample }
    return Sample(
      highQuality: sample.highQuality, lowQuality: sample.lowQuality, teacher: sample.highQuality,
      height: sample.height, width: sample.width, seed: sample.seed)
  }
}
