import Testing
import Torch

@testable import NSARM
@testable import SuperResolution

@Suite struct MemoryTests {
  /// The published sizes: what the configuration alone tells of an 8 B model.
  static var published: ModelConfiguration {
    var transformer = TransformerConfiguration()
    transformer.text = TextConfiguration()
    let schedule = [1, 2, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64].map { GridSize($0, $0) }
    return ModelConfiguration(
      name: "published", tokenizer: AutoencoderConfiguration(), patch: 2, schedule: schedule,
      rotaryReference: GridSize(64, 64), contextResize: .area,
      transformationNetwork: .published(.init()), transformer: transformer)
  }

  /// With float32 activations, as on AVX2; narrower ones leave room for more blocks.
  @Test func thePublishedModelFitsWhereItShould() throws {
    let policy = try ComputePolicy(.int8, processor: Processor(features: ["avx2", "fma"]))
    let estimate = try MemoryEstimate(Self.published, policy)
    #expect(estimate.blockCount == 40)
    // 16 C² weights of a block, a byte each.
    #expect(estimate.block == 16 * 3584 * 3584)
    let streamed = try MemoryPlan(estimate, policy, limit: 6_000_000_000, batch: 16)
    #expect(streamed.batch == 1 && streamed.blocks < 4)
    let whole = try MemoryPlan(estimate, policy, limit: 14_000_000_000, batch: 16)
    #expect(whole.batch == 1 && whole.blocks >= 32 && whole.peak <= 14_000_000_000)
    let part = try MemoryPlan(estimate, policy, limit: 8_000_000_000, batch: 16)
    #expect(part.batch == 1 && (1..<40).contains(part.blocks) && part.peak <= 8_000_000_000)
    #expect(part.blockBytes == part.blocks * estimate.block && part.note != nil)
    let error = #expect(throws: SuperResolutionError.self) {
      try MemoryPlan(estimate, policy, limit: 2_000_000_000, batch: 16)
    }
    #expect("\(error!)".contains("2.0 GB may be used"))

    let narrow = try ComputePolicy(.int8, processor: Processor(features: ["amx_bf16", "amx_int8"]))
    let more = try MemoryPlan(
      MemoryEstimate(Self.published, narrow), narrow, limit: 6_000_000_000, batch: 16)
    #expect(narrow.activations == .bfloat16 && more.blocks > streamed.blocks)
  }

  @Test func moreMemoryNeverMakesItSlower() throws {
    for precision in [Precision.float32, .int8] {
      let policy = try ComputePolicy(precision, processor: Processor(features: ["avx2", "fma"]))
      let estimate = try MemoryEstimate(Self.published, policy)
      var last: MemoryPlan?
      for gigabytes in 1...200 {
        guard
          let plan = try? MemoryPlan(
            estimate, policy, limit: gigabytes * 1_000_000_000, batch: 4)
        else {
          #expect(last == nil, "what fits into less fits into more")
          continue
        }
        #expect(plan.peak <= gigabytes * 1_000_000_000)
        if let last { #expect(plan.batch >= last.batch && plan.blocks >= last.blocks) }
        last = plan
      }
      #expect(last?.batch == 4 && last?.blocks == 40)
      #expect(try MemoryPlan(estimate, policy, limit: nil, batch: 4).batch == 4)
    }
  }

  /// Without 8 bits nothing is read again: a model that does not fit is refused.
  @Test func floatingPointIsRefused() throws {
    let policy = ComputePolicy.float32
    let estimate = try MemoryEstimate(Self.published, policy)
    let error = #expect(throws: SuperResolutionError.self) {
      try MemoryPlan(estimate, policy, limit: 16_000_000_000, batch: 1)
    }
    guard case .modelTooLarge(let needed, 16_000_000_000, .float32, setBy: nil) = error else {
      Issue.record("\(error!)")
      return
    }
    #expect(needed > 16_000_000_000)
  }
}
