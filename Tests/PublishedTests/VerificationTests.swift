import Checkpoints
import TestSupport
import Testing
import Torch

@testable import NSARM
@testable import PublishedCheckpoints

/// Shapes of published checkpoints, without their values.
@Suite struct VerificationTests {
  /// The names and shapes of a published checkpoint.
  private func shapes(_ checkpoint: PublishedCheckpoint) throws -> [(name: String, shape: [Int])] {
    guard let (configuration, _) = checkpoint.model() else {
      return PublishedTextEncoder.Shape.xl.parameters
    }
    return try configuration.parameterShapes()
      .filter { $0.name.hasPrefix("tokenizer.") == checkpoint.isTokenizer }
      .map { weight in
        let names: PublishedNames = checkpoint.isTokenizer ? .tokenizer : .transformer
        return (names.key(weight.name), weight.shape)
      }
  }

  @Test func everyPublishedCheckpointIsRecognised() throws {
    for checkpoint in PublishedCheckpoint.all {
      let file = ShapesOnly(try shapes(checkpoint), title: "shapes")
      let found = try PublishedVerification(file)
      #expect(found.checkpoint.name == checkpoint.name)
      #expect(Set(found.weights.map(\.key)) == Set(file.names))
      #expect(found.remainder.ignored == [])
    }
    #expect(PublishedCheckpoint.nsarm.md5 == "16905db52d64fd44c365b6a963a6598d")
  }

  /// As they are saved: blocks in chunks.
  @Test func blocksMayBeInChunks() throws {
    let chunked = try shapes(.nsarm).map { name, shape in
      guard let match = name.wholeMatch(of: /blocks\.(\d+)\.(.*)/) else { return (name, shape) }
      let index = Int(match.1)!
      return ("block_chunks.\(index / 5).module.\(index % 5).\(match.2)", shape)
    }
    #expect(
      try PublishedVerification(ShapesOnly(chunked, title: "shapes")).checkpoint.name == "NSARM.pth"
    )
  }

  @Test func theFirstDifferenceIsNamed() throws {
    func problem(_ change: (inout [(name: String, shape: [Int])]) -> Void) throws -> String {
      var shapes = try shapes(.nsarm)
      change(&shapes)
      return message { _ = try PublishedVerification(ShapesOnly(shapes, title: "shapes")) }
        ?? "as published"
    }
    #expect(
      try problem { $0.removeAll { $0.name == "blocks.39.ffn.fc2.bias" } }
        == "shapes: 'blocks.39.ffn.fc2.bias' of shape [3584] is missing")
    #expect(
      try problem { $0.removeAll { $0.name.hasPrefix("blocks.39.") } }
        .contains("holds 39 blocks of width 3584, tokens of 56 bits, with a transformation network")
    )
    #expect(
      try problem { $0.removeAll { $0.name.hasPrefix("map_transformer.transformers.6.layers.15") } }
        .contains("not published"))
    #expect(try problem { $0.append((name: "lvl_1L", shape: [1, 9])) } == "as published")
  }
}
