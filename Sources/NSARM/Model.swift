import Torch

/// The networks of NSARM: tokenizer, transformation network, transformer. The last two are absent
/// from a model whose tokenizer alone has been trained, and all but a decoder, which reads no code,
/// from a model of one network.
///
/// Sendable as its parameters are: one thread at a time changes it.
public final class Model: @unchecked Sendable {
  public let configuration: ModelConfiguration
  /// The device and the element types in which the networks run.
  public let policy: ComputePolicy
  public let store: ParameterStore
  /// nil: there is no code.
  public let encoder: LatentEncoder?
  public let decoder: any LatentDecoder
  public let transformationNetwork: (any TransformationNetwork)?
  public private(set) var transformer: VisualAutoregressiveTransformer?
  private let parts: [Part: [Parameter]]
  /// Features of the recommended prompt, of pictures for which no other is given; nil: the null
  /// text.
  public internal(set) var text: TextFeatures?

  /// Prefixes of the networks in a model's parameter names.
  public enum Part: String, CaseIterable, Sendable {
    case network = "network."
    case encoder = "tokenizer.encoder."
    case decoder = "tokenizer.decoder."
    case transformationNetwork = "map_transformer."
    case transformer = "transformer."
  }

  /// Builds the networks that `configuration` has, with parameters of `store`, which are on the
  /// policy's device.
  /// - Throws: `ConfigurationError` where `configuration` makes no sense; call `store.validate()`
  ///   for what does not fit a checkpoint.
  public init(
    _ configuration: ModelConfiguration, _ store: ParameterStore, policy: ComputePolicy = .float32
  ) throws {
    try configuration.validate()
    self.configuration = configuration
    self.policy = policy
    self.store = store
    var parts: [Part: [Parameter]] = [:]
    func made<Network>(
      _ part: Part, _ make: (ParameterScope) throws -> Network
    ) rethrows -> Network {
      let before = store.parameters.count
      defer { parts[part] = Array(store.parameters[before...]) }
      return try make(part.rawValue.split(separator: ".").reduce(store.root) { $0 / String($1) })
    }
    let scale = configuration.scale
    if let network = configuration.network {
      decoder = try made(.network) { try network.build(scale: scale, $0) }
      (encoder, transformationNetwork, transformer) = (nil, nil, nil)
    } else {
      let tokenizer = configuration.tokenizer
      encoder = try made(.encoder) {
        let isWide = configuration.transformationNetwork?.readsLatent == true
        return try LatentEncoder(tokenizer, isWide: isWide, $0)
      }
      decoder = try made(.decoder) { try tokenizer.buildDecoder(scale: scale, $0) }
      transformationNetwork = try configuration.transformationNetwork.map { network in
        try made(.transformationNetwork) {
          try network.build(latentChannels: tokenizer.latentChannels, $0)
        }
      }
      transformer = try configuration.transformer.map { transformer in
        try made(.transformer) {
          try VisualAutoregressiveTransformer(
            transformer, tokenBits: configuration.tokenBits, $0)
        }
      }
    }
    self.parts = parts
  }

  /// Whether the decoder reads a code; else the picture depends on the low-quality one alone.
  public var hasCode: Bool { encoder != nil }

  /// The parameters of some networks, in the order of `Part`.
  public func parameters(of wanted: Part...) -> [Parameter] {
    Part.allCases.filter(wanted.contains).flatMap { parts[$0] ?? [] }
  }

  /// Lets `evaluation` run the transformer's blocks; nil: they run plainly.
  package func runBlocks(by evaluation: (any BlockEvaluation)?) {
    transformer?.blockEvaluation = evaluation
  }

  /// A picture's latent before quantisation, float32, `[B, d, H / f, W / f]`: E(I), or with a
  /// decoder that reads the low-quality picture E(4 (I − I_LR↑)), of what the enlarged low-quality
  /// picture lacks. Random weights then make bits that the decoder can use from the first step;
  /// bits of whole pictures tell it little that it does not know, and it learns to ignore them.
  ///
  /// - Parameters:
  ///   - picture: `[B, 3, H, W]` in [-1, 1].
  ///   - lowQuality: `[B, 3, H / scale, W / scale]` in [-1, 1].
  public func features(_ picture: Tensor, lowQuality: Tensor) -> Tensor {
    guard let encoder else { preconditionFailure("a model without code") }
    guard decoder.readsLowQuality else { return encoder(picture).to(.float32).contiguous() }
    return encoder((picture - enlarged(lowQuality)) * 4).to(.float32).contiguous()
  }

  /// I_LR↑, the low-quality picture at the size of the result, Pillow's bicubic: `[B, 3, h, w]` →
  /// `[B, 3, scale · h, scale · w]`.
  public func enlarged(_ lowQuality: Tensor) -> Tensor {
    let scale = configuration.scale
    return lowQuality.resized(
      scale * lowQuality.size(2), scale * lowQuality.size(3), .bicubicAntialiased)
  }

  /// R'_1..R'_{K_LR} of low-quality pictures `[B, 3, h, w]` in [-1, 1]; none without the network.
  public func prefix(lowQuality: Tensor) -> [Tensor] {
    guard let network = transformationNetwork else { return [] }
    return network(lowQuality: lowQuality, latent: latent(lowQuality: lowQuality))
  }

  /// E(I_LR), the latent that the transformation network reads, in float32 in any policy: its
  /// errors would flip bits of the prefix. `[B, 3, h, w]` in [-1, 1] → `[B, d, h / f, w / f]`; nil
  /// where the network reads the picture.
  package func latent(lowQuality: Tensor) -> Tensor? {
    guard transformationNetwork?.readsLatent == true, let encoder else { return nil }
    return withAutocast(.float32, on: policy.device) { encoder(lowQuality.to(.float32)) }
  }
}
