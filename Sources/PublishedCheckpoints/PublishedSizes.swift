import NSARM
import Torch

/// The published sizes of the transformer (`Documentation/method.md`, "Transformer").
public enum PublishedSize: String, CaseIterable, Sendable {
  case b8 = "8b"
  case b2 = "2b"
  case layer24
  case layer16
  case m125 = "125m"

  /// Blocks, channels and heads.
  public var shape: (depth: Int, width: Int, heads: Int) {
    switch self {
    case .b8: (40, 3584, 28)
    case .b2: (32, 2048, 16)
    case .layer24: (24, 1536, 16)
    case .layer16: (16, 1152, 12)
    case .m125: (12, 768, 8)
    }
  }

  public var transformer: TransformerConfiguration {
    var configuration = TransformerConfiguration()
    (configuration.depth, configuration.width, configuration.heads) = shape
    configuration.text = TextConfiguration()
    return configuration
  }

  /// The name of a transformer's size: "8b", or "12x768" for one that is not published.
  static func name(_ transformer: TransformerConfiguration) -> String {
    let size = allCases.first {
      $0.shape.depth == transformer.depth && $0.shape.width == transformer.width
    }
    return size?.rawValue ?? "\(transformer.depth)x\(transformer.width)"
  }
}

extension AutoencoderConfiguration {
  /// The published tokenizer of `latentChannels` at f8 (with spatial patchify) or f16 (without).
  public static func published(downsampling: Int, latentChannels: Int) -> AutoencoderConfiguration {
    var configuration = AutoencoderConfiguration()
    configuration.latentChannels = latentChannels
    configuration.downsampling = downsampling
    if downsampling == 16 { configuration.channelMultipliers = [1, 2, 4, 4, 4] }
    return configuration
  }
}

extension PublishedTransformationNetwork.Configuration {
  /// Heads of the published network, which do not follow from any tensor's shape.
  static let publishedHeads = [4, 4, 8, 8, 8, 12, 16]
}

extension ModelConfiguration {
  /// A model of published networks: squares of 1024 pixels in 13 scales, and the published sampling
  /// and prompt. NSARM, which has a transformation network, resizes contexts by area at inference,
  /// Infinity, which has none, bilinearly (`Documentation/method.md`, "Generation").
  public static func published(
    tokenizer: AutoencoderConfiguration, patch: Int, transformer: TransformerConfiguration,
    transformationNetwork: PublishedTransformationNetwork.Configuration?
  ) -> ModelConfiguration {
    let schedule = ScaleSchedule.published(aspectRatio: 1, budget: .pixels1024)
    let isNSARM = transformationNetwork != nil
    let family = isNSARM ? "nsarm" : "infinity"
    var configuration = ModelConfiguration(
      name: "\(family)-\(PublishedSize.name(transformer))", tokenizer: tokenizer, patch: patch,
      schedule: schedule.tokens, rotaryReference: schedule.latent,
      contextResize: isNSARM ? .area : .bilinear,
      transformationNetwork: transformationNetwork.map { .published($0) },
      transformer: transformer)
    if isNSARM, transformer.text != nil { configuration.prompt = publishedPrompt }
    return configuration
  }

  /// The prompt of the published script for pictures without a caption.
  static let publishedPrompt =
    "A high-definition image with harmonious colors and rich details."
}
