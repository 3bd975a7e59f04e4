import Checkpoints
import NSARM
import Torch

/// A file that was downloaded, found to have the shapes of a published checkpoint.
public struct PublishedVerification {
  public let checkpoint: PublishedCheckpoint
  /// The weights of the file, all of which need finite values.
  public let weights: [PublishedWeight]
  /// The tensors that the published script ignores.
  public let remainder: PublishedRemainder

  /// Compares names and shapes with those of the published checkpoints.
  /// - Parameter file: a transformer, a tokenizer or Flan-T5.
  /// - Throws: `CheckpointError` with the first difference.
  public init(_ file: any TensorFile) throws {
    if PublishedDictionary(file, root: "").contains("encoder.block.0.layer.0.layer_norm.weight") {
      let encoder = try PublishedTextEncoder(file)
      try encoder.remainder.check(of: file)
      guard encoder.shape == .xl else {
        throw Self.difference(
          file, "a text encoder of \(encoder.shape.blocks) blocks of \(encoder.shape.channels)",
          "flan-t5-xl with 24 of 2048")
      }
      checkpoint = PublishedCheckpoint.all.first { $0.content == .textEncoder }!
      (weights, remainder) = (encoder.weights, encoder.remainder)
      return
    }
    func has(_ ends: String...) -> Bool {
      file.names.contains { name in ends.contains(where: name.hasSuffix) }
    }
    let isTokenizer = !has("pos_start")
    guard !isTokenizer || has("encoder.conv_in.conv.weight", "encoder.conv_in.weight") else {
      throw CheckpointError(
        file.title, "is no published checkpoint: neither a transformer, a tokenizer nor Flan-T5")
    }
    var found: (PublishedVerification, ModelConfiguration)?
    var failure: CheckpointError?
    for checkpoint in PublishedCheckpoint.all {
      guard let (expected, standIn) = checkpoint.model(), checkpoint.isTokenizer == isTokenizer
      else { continue }
      let model: PublishedModel
      do {
        model = try PublishedModel(
          transformer: isTokenizer ? standIn : file, tokenizer: isTokenizer ? file : standIn)
      } catch let error as CheckpointError {
        // Another number of bits, for which another stand-in may do.
        failure = failure ?? error
        continue
      }
      let own = model.weights.filter { $0.file.title == file.title }
      let verification = PublishedVerification(
        checkpoint: checkpoint, weights: own, remainder: model.remainder)
      if Self.isSame(model.configuration, expected, isTokenizer) {
        try model.remainder.check(of: file)
        self = verification
        return
      }
      found = found ?? (verification, model.configuration)
    }
    guard let (_, configuration) = found else {
      throw CheckpointError(file.title, "is no published checkpoint: it \(failure!.reason)")
    }
    throw Self.difference(
      file, Self.title(configuration, isTokenizer),
      PublishedCheckpoint.all.filter { $0.isTokenizer == isTokenizer }.compactMap { checkpoint in
        checkpoint.model().map { "\(checkpoint.name) with \(Self.title($0.0, isTokenizer))" }
      }.joined(separator: "; "))
  }

  private init(
    checkpoint: PublishedCheckpoint, weights: [PublishedWeight], remainder: PublishedRemainder
  ) {
    self.checkpoint = checkpoint
    self.weights = weights
    self.remainder = remainder
  }

  /// Checks that a weight's values are finite, and those of a matrix not all zeros.
  /// - Parameters:
  ///   - weight: its values.
  ///   - name: of the weight, for messages.
  ///   - title: of its file.
  /// - Throws: `CheckpointError`.
  public static func checkValues(_ weight: Tensor, _ name: String, _ title: String) throws {
    let values = weight.dtype == .float8E4M3 ? weight.to(.bfloat16) : weight
    guard !values.dtype.isFloatingPoint || values.isFinite().allTrue else {
      throw CheckpointError(title, "'\(name)' holds values that are not finite")
    }
    guard values.rank < 2 || values.count == 0 || values.to(.float32).abs().max().item > 0 else {
      throw CheckpointError(title, "'\(name)' holds nothing but zeros")
    }
  }

  private static func isSame(
    _ found: ModelConfiguration, _ expected: ModelConfiguration, _ isTokenizer: Bool
  ) -> Bool {
    if isTokenizer { return found.tokenizer == expected.tokenizer }
    var transformer = found.transformer
    transformer?.blocksPerChunk = nil
    return transformer == expected.transformer && found.tokenBits == expected.tokenBits
      && found.transformationNetwork == expected.transformationNetwork
  }

  private static func title(_ c: ModelConfiguration, _ isTokenizer: Bool) -> String {
    let t = c.tokenizer
    if isTokenizer {
      return "a tokenizer of \(t.latentChannels) bits at f\(t.downsampling), \(t.baseChannels)"
        + " channels and \(t.residualBlocks) blocks a level"
    }
    guard let n = c.transformer else { return "no transformer" }
    let map = c.transformationNetwork == nil ? "without" : "with"
    return "\(n.depth) blocks of width \(n.width), tokens of \(c.tokenBits) bits, \(map) a"
      + " transformation network"
  }

  private static func difference(
    _ file: any TensorFile, _ found: String, _ published: String
  ) -> CheckpointError {
    CheckpointError(
      file.title, "holds \(found), which is not published; published are \(published)")
  }
}

extension PublishedCheckpoint {
  var isTokenizer: Bool { if case .tokenizer = content { true } else { false } }
}
