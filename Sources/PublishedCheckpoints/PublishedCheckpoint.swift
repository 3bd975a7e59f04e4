import Checkpoints
import NSARM
import Settings
import Torch

/// A checkpoint as its makers published it: the name of its file and its contents.
public struct PublishedCheckpoint: Sendable {
  /// The file or folder.
  public let name: String
  /// The MD5 of the whole file as 32 hexadecimal digits, where its makers tell it.
  public let md5: String?
  let content: Content

  enum Content: Equatable, Sendable {
    /// With the tokenizer that it was trained on, and of NSARM the transformation network.
    case transformer(PublishedSize, TokenizerSize, hasMap: Bool)
    case tokenizer(TokenizerSize)
    case textEncoder
  }

  /// A tokenizer by its downsampling and the bits of a cell.
  struct TokenizerSize: Equatable, Sendable {
    let downsampling, bits: Int
    /// Cells along the side of a token.
    var patch: Int { downsampling == 8 ? 2 : 1 }
    var configuration: AutoencoderConfiguration {
      .published(downsampling: downsampling, latentChannels: bits)
    }
  }

  private init(_ name: String, md5: String? = nil, _ content: Content) {
    self.name = name
    self.md5 = md5
    self.content = content
  }

  private static let patchify = TokenizerSize(downsampling: 8, bits: 14)

  private static func f16(_ bits: Int) -> TokenizerSize {
    TokenizerSize(downsampling: 16, bits: bits)
  }

  /// NSARM, and the checkpoints of Infinity. Of those with one shape the first stands for all.
  public static let all: [PublishedCheckpoint] = [
    PublishedCheckpoint(
      "NSARM.pth", md5: "16905db52d64fd44c365b6a963a6598d",
      .transformer(.b8, patchify, hasMap: true)),
    PublishedCheckpoint(
      "infinity_8b_weights (or infinity_8b_512x512_weights)",
      .transformer(.b8, patchify, hasMap: false)),
    PublishedCheckpoint("infinity_2b_reg.pth", .transformer(.b2, f16(32), hasMap: false)),
    PublishedCheckpoint("infinity_vae_d56_f8_14_patchify.pth", .tokenizer(patchify)),
    PublishedCheckpoint("infinity_vae_d16.pth", .tokenizer(f16(16))),
    PublishedCheckpoint("infinity_vae_d24.pth", .tokenizer(f16(24))),
    PublishedCheckpoint("infinity_vae_d32.pth (or infinity_vae_d32reg.pth)", .tokenizer(f16(32))),
    PublishedCheckpoint("infinity_vae_d64.pth", .tokenizer(f16(64))),
    PublishedCheckpoint("flan-t5-xl", .textEncoder),
  ]

  /// NSARM itself.
  public static var nsarm: PublishedCheckpoint { all[0] }

  /// The model of which this is a part, and a stand-in for the part that it is not.
  func model() -> (ModelConfiguration, standIn: any TensorFile)? {
    let size: PublishedSize
    let tokenizer: TokenizerSize
    let hasMap: Bool
    var isTokenizer = false
    switch content {
    case .transformer(let transformer, let cells, let map):
      (size, tokenizer, hasMap) = (transformer, cells, map)
    case .tokenizer(let cells):
      (size, tokenizer, hasMap, isTokenizer) = (.m125, cells, false, true)
    case .textEncoder: return nil
    }
    let configuration = ModelConfiguration.published(
      tokenizer: tokenizer.configuration, patch: tokenizer.patch, transformer: size.transformer,
      transformationNetwork: hasMap ? .init() : nil)
    let scope = PublishedNames.tokenizer.scope
    let shapes = (try? configuration.parameterShapes()) ?? []
    let others = shapes.filter { $0.name.hasPrefix(scope) != isTokenizer }.map { weight in
      let names: PublishedNames = isTokenizer ? .transformer : .tokenizer
      return (name: names.key(weight.name), shape: weight.shape)
    }
    return (configuration, ShapesOnly(others))
  }
}

/// Names and shapes without values.
struct ShapesOnly: TensorFile {
  let title: String
  let names: [String]
  private let shapes: [String: [Int]]

  init(_ shapes: [(name: String, shape: [Int])], title: String = "the other part") {
    self.title = title
    names = shapes.map(\.name)
    self.shapes = Dictionary(shapes.map { ($0.name, $0.shape) }) { first, _ in first }
  }

  func dtype(_ name: String) -> DType? { shapes[name].map { _ in .bfloat16 } }
  func shape(_ name: String) -> [Int]? { shapes[name] }
  func release(_ name: String) {}

  func tensor(_ name: String) throws -> Tensor {
    throw CheckpointError(title, "has no values")
  }
}
