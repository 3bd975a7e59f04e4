import Foundation
import NSARM
import PublishedCheckpoints
import TorchSaveSupport

/// `random-checkpoint KIND OUT`: checkpoints of the published sizes with random weights in
/// bfloat16, to measure the resources that large models need.
@main
enum RandomCheckpoint {
  static func main() {
    let arguments = CommandLine.arguments.dropFirst()
    guard arguments.count == 2, let kind = arguments.first.flatMap(CheckpointKind.init) else {
      let kinds = CheckpointKind.allCases.map(\.rawValue).joined(separator: "|")
      FileHandle.standardError.write(Data("usage: random-checkpoint \(kinds) OUT.pth\n".utf8))
      exit(64)
    }
    do {
      let parameters = try kind.parameters()
      let tensors = parameters.enumerated().map { index, parameter in
        (
          parameter.name,
          RandomWeight.tensor(parameter.name, parameter.shape, stream: UInt64(index))
        )
      }
      let state = TorchSaveValue.tensors(tensors)
      try TorchSaveFile.write(
        kind.isTokenizer ? .dictionary([("vae", state)]) : state, to: arguments.last!)
      let count = parameters.reduce(0) { $0 + $1.shape.reduce(1, *) }
      print("\(arguments.last!): \(parameters.count) tensors, \(count) parameters")
    } catch {
      FileHandle.standardError.write(Data("error: \(error)\n".utf8))
      exit(1)
    }
  }
}

/// The kinds of checkpoints; the names and shapes of their weights are those of the models.
enum CheckpointKind: String, CaseIterable {
  /// Infinity 2B on tokens of 32 bits and 8B on patches of 2x2 cells of 14.
  case b2 = "2b"
  case b8 = "8b"
  case vae16, vae8
  /// With the published transformation network, on the tokenizer `vae8`.
  case nsarm2b = "nsarm-2b"
  case nsarm8b = "nsarm-8b"
  case t5xl = "t5-xl"

  var isTokenizer: Bool { self == .vae16 || self == .vae8 }

  /// Names as published, and shapes.
  func parameters() throws -> [(name: String, shape: [Int])] {
    switch self {
    case .t5xl: PublishedTextEncoder.Shape.xl.parameters
    case .vae8: try named(.b2, patch: 2, map: false) { Self.after("tokenizer.", $0) }
    case .vae16: try named(.b2, patch: 1, map: false) { Self.after("tokenizer.", $0) }
    case .b2: try named(.b2, patch: 1, map: false) { Self.after("transformer.", $0) }
    case .b8: try named(.b8, patch: 2, map: false) { Self.after("transformer.", $0) }
    case .nsarm2b: try named(.b2, patch: 2, map: true, name: Self.transformerOrMap)
    case .nsarm8b: try named(.b8, patch: 2, map: true, name: Self.transformerOrMap)
    }
  }

  /// The parameters of a model that have a published name according to `name`.
  private func named(
    _ size: PublishedSize, patch: Int, map: Bool, name: (String) -> String?
  ) throws -> [(name: String, shape: [Int])] {
    let configuration = ModelConfiguration.published(
      tokenizer: patch == 2
        ? .published(downsampling: 8, latentChannels: 14)
        : .published(downsampling: 16, latentChannels: 32),
      patch: patch, transformer: size.transformer, transformationNetwork: map ? .init() : nil)
    return try configuration.parameterShapes().compactMap { parameter in
      name(parameter.name).map { ($0, parameter.shape) }
    }
  }

  private static func after(_ prefix: String, _ name: String) -> String? {
    name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : nil
  }

  private static func transformerOrMap(_ name: String) -> String? {
    after("transformer.", name) ?? (name.hasPrefix("map_transformer.") ? name : nil)
  }
}
