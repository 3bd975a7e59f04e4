import Foundation
import Settings
import Torch

/// Everything that distinguishes one model from another: `config.json` of a model folder.
public struct ModelConfiguration: Codable, Equatable, Sendable {
  public var name: String
  /// Pixels of the output per pixel of the input, along a side.
  public var scale = 4
  /// The one network of a model without code, which makes the picture by itself; nil: a model has
  /// all that follows.
  public private(set) var network: NetworkConfiguration?
  public var tokenizer: AutoencoderConfiguration
  /// Side of a token in latent cells.
  public var patch: Int
  /// Token grids of a tile, coarse to fine.
  public var schedule: [GridSize]
  /// The grid that rotary positions refer to.
  public var rotaryReference: GridSize
  /// The interpolation by which F_{k−1} is resized to scale k: the published NSARM checkpoint wants
  /// area, Infinity and all training code bilinear.
  public var contextResize: Tensor.Interpolation
  public var transformationNetwork: TransformationNetworkConfiguration?
  public var transformer: TransformerConfiguration?
  /// Recommended sampling.
  public var sampling: SamplingConfiguration
  /// Recommended prompt, for models conditioned on text, whose features are in the model's folder;
  /// nil: the null text.
  public var prompt: String?
  /// Recommended number of scales, the first ones; nil: all. 0: none, the decoder makes the picture
  /// of the low-quality one alone.
  public var scales: Int?

  public init(
    name: String, tokenizer: AutoencoderConfiguration, patch: Int, schedule: [GridSize],
    rotaryReference: GridSize, contextResize: Tensor.Interpolation = .bilinear,
    transformationNetwork: TransformationNetworkConfiguration? = nil,
    transformer: TransformerConfiguration? = nil,
    sampling: SamplingConfiguration = SamplingConfiguration()
  ) {
    self.name = name
    self.tokenizer = tokenizer
    self.patch = patch
    self.schedule = schedule
    self.rotaryReference = rotaryReference
    self.contextResize = contextResize
    self.transformationNetwork = transformationNetwork
    self.transformer = transformer
    self.sampling = sampling
  }

  /// A model without code.
  public init(name: String, scale: Int = 4, network: NetworkConfiguration) {
    var tokenizer = AutoencoderConfiguration()
    tokenizer.downsampling = scale  // a cell is a pixel of the low-quality picture
    self.init(
      name: name, tokenizer: tokenizer, patch: 1, schedule: [GridSize(1, 1)],
      rotaryReference: GridSize(1, 1))
    self.scale = scale
    self.network = network
  }

  private enum Keys: String, CodingKey {
    case name, scale, network, tokenizer, patch, schedule, rotaryReference, contextResize
    case transformationNetwork, transformer, sampling, prompt, scales
  }

  /// With `network` no key of the other networks is read: one that is there is unknown.
  public init(from decoder: any Decoder) throws {
    let form = try decoder.container(keyedBy: Keys.self)
    let name = try form.decode(String.self, forKey: .name)
    let scale = try form.decode(Int.self, forKey: .scale)
    if let network = try form.decodeIfPresent(NetworkConfiguration.self, forKey: .network) {
      self.init(name: name, scale: scale, network: network)
      return
    }
    self.init(
      name: name, tokenizer: try form.decode(AutoencoderConfiguration.self, forKey: .tokenizer),
      patch: try form.decode(Int.self, forKey: .patch),
      schedule: try form.decode([GridSize].self, forKey: .schedule),
      rotaryReference: try form.decode(GridSize.self, forKey: .rotaryReference),
      contextResize: try form.decode(Tensor.Interpolation.self, forKey: .contextResize),
      transformationNetwork: try form.decodeIfPresent(
        TransformationNetworkConfiguration.self, forKey: .transformationNetwork),
      transformer: try form.decodeIfPresent(TransformerConfiguration.self, forKey: .transformer),
      sampling: try form.decode(SamplingConfiguration.self, forKey: .sampling))
    self.scale = scale
    prompt = try form.decodeIfPresent(String.self, forKey: .prompt)
    scales = try form.decodeIfPresent(Int.self, forKey: .scales)
  }

  public func encode(to encoder: any Encoder) throws {
    var form = encoder.container(keyedBy: Keys.self)
    try form.encode(name, forKey: .name)
    try form.encode(scale, forKey: .scale)
    if let network {
      try form.encode(network, forKey: .network)
      return
    }
    try form.encode(tokenizer, forKey: .tokenizer)
    try form.encode(patch, forKey: .patch)
    try form.encode(schedule, forKey: .schedule)
    try form.encode(rotaryReference, forKey: .rotaryReference)
    try form.encode(contextResize, forKey: .contextResize)
    try form.encodeIfPresent(transformationNetwork, forKey: .transformationNetwork)
    try form.encodeIfPresent(transformer, forKey: .transformer)
    try form.encode(sampling, forKey: .sampling)
    try form.encodeIfPresent(prompt, forKey: .prompt)
    try form.encodeIfPresent(scales, forKey: .scales)
  }

  public var scaleSchedule: ScaleSchedule { ScaleSchedule(schedule, patch: patch) }

  /// Whether it makes a picture of a low-quality one by itself, which a tokenizer alone does not.
  public var restores: Bool { network != nil || transformer != nil }

  /// Whether it recommends to draw a code; else the decoder makes the picture alone.
  public var drawsCode: Bool { network == nil && scales != 0 }

  /// D: bits of a token.
  public var tokenBits: Int { tokenizer.latentChannels * patch * patch }

  /// Side in pixels of the output of one tile; of a model without code, which has none, 256.
  public var tileSide: Int {
    network == nil ? scaleSchedule.latent.height * tokenizer.downsampling : 256
  }
}
