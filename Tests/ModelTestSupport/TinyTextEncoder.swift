import Checkpoints
import Foundation
import NSARM
import TestSupport
import Torch

/// A text encoder of random weights, with the tests' little vocabulary.
public enum TinyTextEncoder {
  public static let channels = 128
  public static let vocabulary = 450

  /// A model of SentencePiece with T5's special ids.
  public static let tokenizer = Fixture.packageRoot
    .appendingPathComponent("Tests/PromptsTests/Fixtures/spiece.model").path

  /// Tensors by Hugging Face's names.
  public static func tensors(
    channels: Int = channels, depth: Int = 2, seed: UInt64 = 3, _ dtype: DType = .bfloat16
  ) -> [(String, Tensor)] {
    let random = RandomGenerator(seed: seed)
    func matrix(_ rows: Int, _ columns: Int) -> Tensor {
      (Tensor.randn([rows, columns], using: random) / Double(columns).squareRoot()).to(dtype)
    }
    func norm() -> Tensor { (Tensor.rand([channels], using: random) + 0.5).to(dtype) }
    var result = [
      ("shared.weight", Tensor.randn([vocabulary, channels], using: random).to(dtype)),
      ("encoder.final_layer_norm.weight", norm()),
    ]
    for block in (0..<depth).map({ "encoder.block.\($0).layer" }) {
      for name in ["q", "k", "v"] {
        result.append(("\(block).0.SelfAttention.\(name).weight", matrix(32, channels)))
      }
      result.append(("\(block).0.SelfAttention.o.weight", matrix(channels, 32)))
      for name in ["wi_0", "wi_1"] {
        result.append(("\(block).1.DenseReluDense.\(name).weight", matrix(96, channels)))
      }
      result.append(("\(block).1.DenseReluDense.wo.weight", matrix(channels, 96)))
      result.append(("\(block).0.layer_norm.weight", norm()))
      result.append(("\(block).1.layer_norm.weight", norm()))
    }
    result.append(
      ("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", matrix(32, 4)))
    return result
  }

  /// Writes the encoder's folder.
  public static func write(
    to folder: String, channels: Int = channels, seed: UInt64 = 3
  ) throws {
    let files = FileManager.default
    try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try writeSafetensors(
      tensors(channels: channels, seed: seed), to: folder + "/model.safetensors")
    try? files.removeItem(atPath: folder + "/spiece.model")
    try files.copyItem(atPath: tokenizer, toPath: folder + "/spiece.model")
  }
}

extension TinyModel {
  /// The tiny model conditioned on text in place of the picture.
  public static var textConfiguration: ModelConfiguration {
    var configuration = configuration
    configuration.name = "tiny-text"
    configuration.transformer!.picture = nil
    var text = TextConfiguration()
    text.channels = TinyTextEncoder.channels
    configuration.transformer!.text = text
    return configuration
  }
}
