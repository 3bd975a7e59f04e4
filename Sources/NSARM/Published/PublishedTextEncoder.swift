import Checkpoints
import Torch

/// The encoder of Flan-T5 in a checkpoint of Hugging Face: its shape, and the place of every
/// weight. Our folders keep these names.
public struct PublishedTextEncoder {
  /// What shapes tell of a T5 encoder.
  public struct Shape: Equatable, Sendable {
    public var vocabulary, channels, blocks, heads, headChannels, feedForward, buckets: Int

    public init(
      vocabulary: Int, channels: Int, blocks: Int, heads: Int, headChannels: Int,
      feedForward: Int, buckets: Int
    ) {
      self.vocabulary = vocabulary
      self.channels = channels
      self.blocks = blocks
      self.heads = heads
      self.headChannels = headChannels
      self.feedForward = feedForward
      self.buckets = buckets
    }

    /// Flan-T5-XL.
    public static let xl = Shape(
      vocabulary: 32128, channels: 2048, blocks: 24, heads: 32, headChannels: 64,
      feedForward: 5120, buckets: 32)

    /// Names and shapes of all weights.
    public var parameters: [(name: String, shape: [Int])] {
      let inner = heads * headChannels
      var result = [("shared.weight", [vocabulary, channels])]
      for block in 0..<blocks {
        let attention = "encoder.block.\(block).layer.0."
        for name in ["q", "k", "v"] {
          result.append((attention + "SelfAttention.\(name).weight", [inner, channels]))
        }
        result.append((attention + "SelfAttention.o.weight", [channels, inner]))
        if block == 0 {
          result.append(
            (attention + "SelfAttention.relative_attention_bias.weight", [buckets, heads]))
        }
        result.append((attention + "layer_norm.weight", [channels]))
        let feeding = "encoder.block.\(block).layer.1."
        for name in ["wi_0", "wi_1"] {
          result.append(
            (feeding + "DenseReluDense.\(name).weight", [feedForward, channels]))
        }
        result.append((feeding + "DenseReluDense.wo.weight", [channels, feedForward]))
        result.append((feeding + "layer_norm.weight", [channels]))
      }
      return result + [("encoder.final_layer_norm.weight", [channels])]
    }
  }

  public let shape: Shape
  public let weights: [PublishedWeight]
  public let remainder: PublishedRemainder

  /// - Throws: `CheckpointError` where the file is something else.
  public init(_ file: any TensorFile) throws {
    let tied = "encoder.embed_tokens.weight"
    // The embedding may be stored under the name of its other owner alone.
    let embedding = file.shape("shared.weight") == nil ? tied : "shared.weight"
    let all = PublishedDictionary(file, root: "")
    guard all.contains(embedding) else {
      throw CheckpointError(
        file.title, "is no text encoder of the T5 family: no tensor is called 'shared.weight'")
    }
    let first = "encoder.block.0.layer."
    let bias = first + "0.SelfAttention.relative_attention_bias.weight"
    let heads = try all.size(bias, 1)
    shape = Shape(
      vocabulary: try all.size(embedding, 0), channels: try all.size(embedding, 1),
      blocks: try all.count("encoder.block."), heads: heads,
      headChannels: try all.size(first + "0.SelfAttention.q.weight", 0) / heads,
      feedForward: try all.size(first + "1.DenseReluDense.wi_0.weight", 0),
      buckets: try all.size(bias, 0))

    var remainder = PublishedRemainder()
    var weights: [PublishedWeight] = []
    var known: Set<String> = []
    for (name, expected) in shape.parameters {
      let key = name == "shared.weight" ? embedding : name
      known.insert(key)
      guard let dtype = file.dtype(key), let found = file.shape(key) else {
        remainder.problems.append("\(file.title): '\(key)' of shape \(expected) is missing")
        continue
      }
      if found != expected {
        remainder.problems.append(
          "\(file.title): '\(key)' has shape \(found), expected \(expected)")
      } else if !dtype.isFloatingPoint {
        remainder.problems.append("\(file.title): '\(key)' holds no real numbers")
      }
      weights.append(
        PublishedWeight(
          name: name, key: key, file: file, dtype: dtype, shape: found,
          storage: Self.storage(name, found)))
    }
    for key in file.names where !known.contains(key) {
      if key.hasPrefix("decoder.") || key.hasPrefix("lm_head.") || key == tied {
        remainder.ignored.append(key)
      } else {
        remainder.problems.append("\(file.title): '\(key)' is not part of the model")
      }
    }
    self.weights = weights
    self.remainder = remainder
  }

  /// The types in which the published script loads the encoder: float16, the second matrix of the
  /// feed-forward in float32.
  private static func storage(_ name: String, _ shape: [Int]) -> DType {
    shape.count == 2 && !name.hasSuffix("wo.weight") ? .float16 : .float32
  }
}
