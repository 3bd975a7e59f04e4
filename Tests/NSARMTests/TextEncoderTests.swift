import Checkpoints
import ModelTestSupport
import TestSupport
import Testing
import Torch

@testable import NSARM

@Suite struct TextEncoderTests {
  private struct Source: TensorSource {
    var tensors: [String: Tensor]
    let title = "text-encoder/model.safetensors"
    var names: [String] { Array(tensors.keys) }

    init(_ tensors: [(String, Tensor)]) { self.tensors = Dictionary(tensors) { $1 } }

    func tensor(_ name: String) throws -> Tensor { tensors[name]! }
  }

  private let ids = [5, 90, 17, 220, 9, 1]

  @Test func companionsDoNotChangeAText() throws {
    let encoder = try TextEncoder(Source(TinyTextEncoder.tensors()), policy: .float32)
    let alone = try encoder([ids])[0]
    #expect(alone.shape == [6, 128] && alone.isFinite().allTrue)
    let together = try encoder([[1], ids, Array(repeating: 7, count: 40)])
    #expect(together.map { $0.size(0) } == [1, 6, 40])
    #expect(together[1].floats == alone.floats)
  }

  @Test func maskedTokensAreNotSeen() throws {
    let encoder = try TextEncoder(Source(TinyTextEncoder.tensors()), policy: .float32)
    let alone = try encoder([ids])[0]
    for filling in [0, 33] {
      let row = (ids + Array(repeating: filling, count: 4)).map(Int64.init)
      let mask = row.indices.map { $0 < ids.count }
      let padded = try encoder(
        Tensor(row, shape: [1, row.count]), mask: Tensor(mask, shape: [1, row.count]))
      #expect(distance(padded.selected(0, 0).narrowed(0, from: 0, count: 6), alone) < 1e-5)
    }
  }

  /// Weights stored as bfloat16 give what the same values in float32 give.
  @Test func storageDoesNotMatter() throws {
    let narrow = TinyTextEncoder.tensors()
    let wide = narrow.map { ($0.0, $0.1.to(.float32)) }
    let policy = ComputePolicy.float32
    let a = try TextEncoder(Source(narrow), policy: policy)([ids])[0]
    let b = try TextEncoder(Source(wide), policy: policy)([ids])[0]
    #expect(a.floats == b.floats)
    let fast = try TextEncoder(Source(narrow), policy: ComputePolicy(.bfloat16))([ids])[0]
    #expect(fast.dtype == .float32 && distance(fast, a) < 0.1 && distance(fast, a) > 0)
  }

  /// Distances and sides of the published buckets, at the limits between them.
  @Test func distancesFallIntoBuckets() throws {
    let encoder = try TextEncoder(Source(TinyTextEncoder.tensors()), policy: .float32)
    let table = RelativePositionBias(encoder.configuration).buckets(300)
    let row = table.selected(0, 0).values(Int64.self)  // keys after query 0
    for (distance, bucket) in [
      (0, 0), (1, 17), (7, 23), (8, 24), (11, 24), (12, 25), (15, 25), (16, 26), (31, 27), (32, 28),
      (64, 30), (91, 31), (127, 31), (128, 31), (299, 31),
    ] {
      #expect(row[distance] == bucket, "\(distance)")
    }
    let column = table.selected(1, 0).values(Int64.self)  // key 0 before the query
    #expect(zip(row, column).dropFirst().allSatisfy { $0 == $1 + 16 })
  }

  @Test func whatIsMissingOrMisshapenIsNamed() throws {
    func message(_ change: (inout Source) -> Void) -> String {
      var source = Source(TinyTextEncoder.tensors())
      change(&source)
      do {
        _ = try TextEncoder(source, policy: .float32)
        return ""
      } catch { return "\(error)" }
    }
    #expect(message { _ in } == "")
    // The rest of a whole T5 is of no interest.
    #expect(message { $0.tensors["decoder.block.0.x.weight"] = .zeros([2]) } == "")
    #expect(message { $0.tensors["shared.weight"] = nil }.contains("'shared.weight'"))
    let gate = "encoder.block.0.layer.1.DenseReluDense.wi_0.weight"
    #expect(message { $0.tensors[gate] = nil }.contains("gated"))
    let value = "encoder.block.1.layer.1.DenseReluDense.wo.weight"
    #expect(message { $0.tensors[value] = nil }.contains("'\(value)' is missing"))
    #expect(message { $0.tensors[value] = .zeros([3, 4]) }.contains("has shape [3, 4]"))
    #expect(message { $0.tensors[value] = .full([128, 96], .nan) }.contains("not finite"))
    #expect(message { $0.tensors["shared.weight"] = .zeros([0, 128]) }.contains("shape"))
    #expect(message { $0.tensors["shared.weight"] = .zeros([128]) }.contains("shape"))
    let bias = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    #expect(message { $0.tensors[bias] = .zeros([32, 5]) }.contains("do not divide"))
    #expect(message { $0.tensors["encoder.block.7.x"] = .zeros([1]) }.contains("not part"))
  }
}
