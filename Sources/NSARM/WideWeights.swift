import Torch

/// Weights that are used in float32 whatever the policy, and are kept so in files and in memory.
extension ModelConfiguration {
  /// Whether a weight is kept in float32: all but matrices and kernels, and of these those of the
  /// modulations, of the head, of the embeddings, and of an encoder whose latent decides the bits
  /// of the prefix.
  func staysWide(_ name: String, _ shape: [Int]) -> Bool {
    guard shape.count == 2 || shape.count == 4 else { return true }
    return Self.isUsedWide(name)
      || transformationNetwork?.readsLatent == true && name.hasPrefix(Model.Part.encoder.rawValue)
  }

  /// The element type in which a folder keeps a weight where nothing else is asked for.
  func storage(_ name: String, _ shape: [Int]) -> DType {
    staysWide(name, shape) ? .float32 : .bfloat16
  }

  /// Whether a matrix of the transformer is used in float32.
  static func isUsedWide(_ name: String) -> Bool {
    [
      "ada_lin.1.weight", "ada_gss", "head.weight", "lvl_embed.weight", "scale_mul_1H11",
      "cfg_uncond",
    ].contains { name.hasSuffix($0) }
  }
}

extension TransformationNetworkConfiguration {
  /// Whether it reads the low-quality picture's latent, as the published network does.
  var readsLatent: Bool { if case .published = self { true } else { false } }
}
