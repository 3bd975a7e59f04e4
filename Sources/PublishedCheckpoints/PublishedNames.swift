import NSARM
/// The names of a network's weights in published checkpoints and in our model folders.
struct PublishedNames: Sendable {
  /// The prefix of our names.
  let scope: String
  /// Whether a key is that of a constant, which models of ours do not store.
  let isConstant: @Sendable (_ key: String) -> Bool
  /// Our name of a key, or nil for one that no model has.
  let name: @Sendable (_ key: String) -> String?
  /// The usual key of one of our names.
  let key: @Sendable (_ name: String) -> String
}

extension PublishedNames {
  /// The bias that keys of attention do not have: zeros.
  static let keyBias = "zero_k_bias"

  /// The transformer, and of NSARM the transformation network beside its weights. Tables that
  /// follow from the schedule are made anew, as in the published class.
  static let transformer = PublishedNames(
    scope: Model.Part.transformer.rawValue,
    isConstant: { key in
      key.hasSuffix(keyBias)
        || [
          "lvl_1L", "attn_bias_for_masking", "Infinity_visible_kvlen", "Infinity_invisible_qlen",
        ].contains(key)
    },
    name: { key in
      key.hasPrefix(Model.Part.transformationNetwork.rawValue)
        ? key : Model.Part.transformer.rawValue + key
    },
    key: { name in
      name.hasPrefix(Model.Part.transformer.rawValue)
        ? String(name.dropFirst(Model.Part.transformer.rawValue.count)) : name
    })

  /// The tokenizer, whose older files lack the last level of names: "conv1.weight" for
  /// "conv1.conv.weight", "norm1.weight" for "norm1.norm.weight".
  static let tokenizer = PublishedNames(
    scope: "tokenizer.",
    isConstant: { key in
      // Powers of two, by which the quantizer counts codes.
      ["quantizer.", "quantize."].contains { key.hasPrefix($0) } && key.hasSuffix("lfq.mask")
    },
    name: { key in
      guard key.hasPrefix("encoder.") || key.hasPrefix("decoder.") else { return nil }
      var parts = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      let layer = parts.count > 1 ? parts[parts.count - 2] : ""
      if let level = innerLevel(layer, of: parts) { parts.insert(level, at: parts.count - 1) }
      return "tokenizer." + parts.joined(separator: ".")
    },
    key: { String($0.dropFirst("tokenizer.".count)) })

  /// The level of names that follows `layer` where a file lacks it.
  private static func innerLevel(_ layer: String, of parts: [String]) -> String? {
    switch layer {
    case "conv_in", "conv_out", "conv1", "conv2", "nin_shortcut": return "conv"
    case "norm1", "norm2", "norm_out": return "norm"
    case "conv":
      // "downsample.conv.weight", which is "downsample.conv.conv.weight" in full.
      let owner = parts.count > 2 ? parts[parts.count - 3] : ""
      return owner == "downsample" || owner == "upsample" ? "conv" : nil
    default: return nil
    }
  }
}
