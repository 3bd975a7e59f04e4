import Checkpoints
import Torch

/// The encoder of a gated T5 (Raffel et al., 2020; Shazeer, 2020; Flan-T5: Chung et al., 2022):
/// token ids to features, x ← x + Attention(norm(x)), x ← x + FFN(norm(x)) per block, a last norm.
/// Its sizes are those of its tensors, which have Hugging Face's names.
///
/// The weights stay where `source` has them, for a mapped file on the disk, and each block's are
/// converted when their turn comes: memory holds one block, not the 1.2 billion weights of
/// Flan-T5-XL.
public final class TextEncoder {
  public let configuration: TextEncoderConfiguration
  public let policy: ComputePolicy
  private let source: any TensorSource

  /// Reads the sizes and checks the names, shapes and values of all tensors. Tensors outside of the
  /// encoder, such as those of a whole T5's decoder, are ignored.
  /// - Throws: `CheckpointError` where there is no such encoder, `ParameterMismatch` naming what
  ///   does not fit.
  public init(_ source: any TensorSource, policy: ComputePolicy = .automatic) throws {
    self.source = source
    self.policy = policy
    configuration = try TextEncoderConfiguration(source)
    let store = ParameterStore(source)
    _ = try Ends(configuration, store.root)
    for index in 0..<configuration.depth {
      _ = try block(index, store.root)
    }
    try store.validate { !$0.hasPrefix("encoder.block.") }
  }

  /// Features of padded texts, float32 on the policy's device.
  ///
  /// # Shapes
  /// ids `[B, n]` int64, mask `[B, n]` (true where there is text; nil: everywhere) → `[B, n, C]`.
  public func callAsFunction(_ ids: Tensor, mask: Tensor? = nil) throws -> Tensor {
    try encoded([(ids, mask)])[0]
  }

  /// Features of several texts, `[n, C]` each, float32 on the policy's device. A text's features do
  /// not depend on the others: they share the conversion of the weights, not a batch.
  ///
  /// - Parameters:
  ///   - texts: ids of the tokens, at least one each, below the size of the vocabulary.
  ///   - progress: called with the share that is done; an error thrown here stops the work.
  public func callAsFunction(
    _ texts: [[Int]], progress: (Double) throws -> Void = { _ in }
  ) throws -> [Tensor] {
    let inputs = texts.map { ids in
      precondition(
        !ids.isEmpty && ids.allSatisfy { (0..<configuration.vocabulary).contains($0) },
        "token ids below \(configuration.vocabulary)")
      return (Tensor(ids.map(Int64.init), shape: [1, ids.count]), Tensor?.none)
    }
    return try throwingResourceErrors(reading: [source]) {
      try encoded(inputs, progress: progress).map { $0.selected(0, 0) }
    }
  }

  private func encoded(
    _ inputs: [(ids: Tensor, mask: Tensor?)], progress: (Double) throws -> Void = { _ in }
  ) throws -> [Tensor] {
    try withoutGradients {
      let ends = try loaded { try Ends(configuration, $0) }
      var hidden = inputs.map { ends.embedding($0.ids.to(policy.device)).to(.float32) }
      let bias = RelativePositionBias(configuration)
      var table: Tensor?
      for index in 0..<configuration.depth {
        try progress(Double(index) / Double(configuration.depth))
        let current = try loaded { try block(index, $0) }
        table = current.attention.positions?.weight.value ?? table
        for (i, input) in inputs.enumerated() {
          let scores = bias(
            table!, length: hidden[i].size(1), mask: input.mask?.to(policy.device))
          hidden[i] = policy { current(hidden[i], scores) }
        }
      }
      return hidden.map { ends.norm($0) }
    }
  }

  private func block(_ index: Int, _ p: ParameterScope) throws -> TextEncoderBlock {
    try TextEncoderBlock(
      configuration, hasPositions: index == 0, p / "encoder" / "block" / index)
  }

  /// A part with its weights on the device, matrices in the type that the policy multiplies.
  private func loaded<Part>(_ make: (ParameterScope) throws -> Part) throws -> Part {
    let store = ParameterStore(source, on: policy.device)
    let part = try make(store.root)
    // A table is looked up a row at a time, and converting it whole would take more than a block.
    store.convert(to: policy.storage) { $0.role.kind == .matrix }
    store.convert(to: .float32) { $0.role.kind == .vector }
    return part
  }

  /// The layers before and after the blocks.
  private struct Ends {
    let embedding: Embedding
    let norm: RMSNorm

    init(_ c: TextEncoderConfiguration, _ p: ParameterScope) throws {
      embedding = try Embedding(c.vocabulary, c.width, p / "shared")
      norm = try RMSNorm(c.width, p / "encoder" / "final_layer_norm")
    }
  }
}

/// Sizes of a text encoder.
public struct TextEncoderConfiguration: Equatable, Sendable {
  /// Rows of the table of tokens.
  public let vocabulary: Int
  /// C: channels of a token's features.
  public let width: Int
  public let depth, heads: Int
  /// Channels of all heads together, which need not be C.
  public let attentionWidth: Int
  public let feedForwardWidth: Int
  /// Rows of the table of relative positions.
  public let buckets: Int

  /// The sizes of the encoder whose tensors `source` has.
  /// - Throws: `CheckpointError` where it has none.
  public init(_ source: any TensorSource) throws {
    let names = Set(source.names)
    func size(_ name: String, _ dimension: Int) throws -> Int {
      guard names.contains(name) else {
        throw CheckpointError(
          source.title,
          "has no tensor '\(name)'; the encoder of a T5 with gated feed-forward, such as Flan-T5, is"
            + " needed")
      }
      let shape = try source.tensor(name).shape
      guard shape.count == 2, !shape.contains(0) else {
        throw CheckpointError(
          source.title, "tensor '\(name)' has shape \(shape), expected two sizes above 0")
      }
      return shape[dimension]
    }
    let attention = "encoder.block.0.layer.0.SelfAttention"
    vocabulary = try size("shared.weight", 0)
    width = try size("shared.weight", 1)
    attentionWidth = try size("\(attention).q.weight", 0)
    buckets = try size("\(attention).relative_attention_bias.weight", 0)
    heads = try size("\(attention).relative_attention_bias.weight", 1)
    feedForwardWidth = try size("encoder.block.0.layer.1.DenseReluDense.wi_0.weight", 0)
    depth = (0...).first { !names.contains("encoder.block.\($0).layer.0.layer_norm.weight") }!
    guard attentionWidth % heads == 0, buckets % 4 == 0 else {
      throw CheckpointError(
        source.title,
        "\(attentionWidth) channels do not divide into \(heads) heads, or its"
          + " \(buckets) relative positions not into four parts")
    }
  }
}
