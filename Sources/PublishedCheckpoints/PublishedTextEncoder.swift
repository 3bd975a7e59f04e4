import Checkpoints
import NSARM
import Torch

/// The encoder of Flan-T5 in a checkpoint of Hugging Face: its shape, and the place of every
/// weight. Our folders keep these names.
public struct PublishedTextEncoder {
  /// The sizes of a T5 encoder, as the shapes of its tensors tell them.
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
    public var parameters: [(name: String, shape: [Int])] { weights.map { ($0.name, $0.shape) } }

    /// All weights with the types in which the published script loads them: matrices in float16,
    /// the second one of the feed-forward and norms in float32.
    fileprivate var weights: [(name: String, shape: [Int], role: WeightRole, storage: DType)] {
      let inner = heads * headChannels
      var result: [(name: String, shape: [Int], role: WeightRole, storage: DType)] = []
      func add(_ name: String, _ shape: [Int], _ role: WeightRole, _ storage: DType) {
        result.append((name + ".weight", shape, role, storage))
      }
      add("shared", [vocabulary, channels], .table, .float16)
      for block in 0..<blocks {
        let attention = "encoder.block.\(block).layer.0."
        for name in ["q", "k", "v"] {
          add(attention + "SelfAttention.\(name)", [inner, channels], .matrix, .float16)
        }
        add(attention + "SelfAttention.o", [channels, inner], .matrix, .float16)
        if block == 0 {
          let name = attention + "SelfAttention.relative_attention_bias"
          add(name, [buckets, heads], .matrix, .float16)
        }
        add(attention + "layer_norm", [channels], .vector, .float32)
        let feeding = "encoder.block.\(block).layer.1."
        for name in ["wi_0", "wi_1"] {
          add(feeding + "DenseReluDense.\(name)", [feedForward, channels], .matrix, .float16)
        }
        add(feeding + "DenseReluDense.wo", [channels, feedForward], .matrix.wide, .float32)
        add(feeding + "layer_norm", [channels], .vector, .float32)
      }
      add("encoder.final_layer_norm", [channels], .vector, .float32)
      return result
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
    for weight in shape.weights {
      let (name, expected) = (weight.name, weight.shape)
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
          role: weight.role, storage: weight.storage))
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
}
