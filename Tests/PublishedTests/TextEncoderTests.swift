import Checkpoints
import Foundation
import TestSupport
import Testing
import Torch

@testable import NSARM
@testable import PublishedCheckpoints

@Suite struct TextEncoderTests {
  private let shape = PublishedTextEncoder.Shape(
    vocabulary: 12, channels: 8, blocks: 2, heads: 2, headChannels: 3, feedForward: 10, buckets: 4)

  private func weights() -> [(String, Tensor)] {
    let random = RandomGenerator(seed: 2)
    return shape.parameters.map { ($0.name, .randn($0.shape, using: random)) }
  }

  private func open(_ tensors: [(String, Tensor)], _ folder: ScratchFolder) throws
    -> PublishedTextEncoder
  {
    try PublishedFixtures.write(tensors, to: folder("t5.bin"))
    return try PublishedTextEncoder(try PickleCheckpoint(folder("t5.bin")))
  }

  @Test func onlyTheEncoderIsTaken() throws {
    let folder = try ScratchFolder()
    let encoder = weights()
    let tied = ("encoder.embed_tokens.weight", encoder[0].1)
    let rest = [("decoder.block.0.layer.0.layer_norm.weight", Tensor.ones([8]))]
    let lm = [("lm_head.weight", Tensor.zeros([12, 8]))]
    let found = try open(encoder + [tied] + rest + lm, folder)
    #expect(found.shape == shape)
    #expect(found.remainder.problems == [])
    #expect(Set(found.remainder.dropped) == Set([tied.0, rest[0].0, lm[0].0]))
    #expect(found.weights.map(\.name) == shape.parameters.map(\.name))

    try ShardPlan(found.weights.map(WeightFormat.bf16.pending)).write(
      to: folder.path, metadata: [:])
    let file = try SafetensorsFile(folder("model.safetensors"))
    #expect(Set(file.names) == Set(encoder.map(\.0)))
    #expect(file.dtype("shared.weight") == .float16)
    #expect(file.dtype("encoder.block.0.layer.1.DenseReluDense.wi_0.weight") == .float16)
    #expect(file.dtype("encoder.block.0.layer.1.DenseReluDense.wo.weight") == .float32)
    #expect(file.dtype("encoder.final_layer_norm.weight") == .float32)
  }

  @Test func theEmbeddingMayHaveItsOtherName() throws {
    let folder = try ScratchFolder()
    var encoder = weights()
    encoder[0].0 = "encoder.embed_tokens.weight"
    let found = try open(encoder, folder)
    #expect(found.remainder.problems == [] && found.remainder.dropped == [])
    #expect(found.weights[0].name == "shared.weight")
  }

  @Test func whatDoesNotFitIsListed() throws {
    let folder = try ScratchFolder()
    var encoder = weights().filter { $0.0 != "encoder.block.1.layer.0.SelfAttention.q.weight" }
    encoder.append(("encoder.block.1.extra", .ones([1])))
    encoder[encoder.count - 2].1 = .ones([7])
    let found = try open(encoder, folder).remainder.problems.joined(separator: "\n")
    for part in [
      "'encoder.block.1.layer.0.SelfAttention.q.weight' of shape [6, 8] is missing",
      "'encoder.block.1.extra' is not part of the model",
      "'encoder.final_layer_norm.weight' has shape [7], expected [8]",
    ] { #expect(found.contains(part), "\(found)") }
    #expect(
      message { _ = try open([("x", Tensor.ones([1]))], folder) }!.contains("no text encoder"))
  }
}
