import Foundation
import Settings
import Torch

/// Everything that distinguishes one model from another: `config.json` of a model folder.
public struct ModelConfiguration: Codable, Equatable, Sendable {
  public var name: String
  /// Pixels of the output per pixel of the input, along a side.
  public var scale = 4
  public var tokenizer: AutoencoderConfiguration
  /// Side of a token in latent cells.
  public var patch: Int
  /// Token grids of a tile, coarse to fine.
  public var schedule: [GridSize]
  /// The grid that rotary positions refer to.
  public var rotaryReference: GridSize
  /// How F_{k−1} is resized to scale k: the published NSARM checkpoint wants area, Infinity and all
  /// training code bilinear.
  public var contextResize: Tensor.Interpolation
  public var transformationNetwork: TransformationNetworkConfiguration?
  public var transformer: TransformerConfiguration?
  /// Recommended sampling.
  public var sampling: SamplingConfiguration

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

  public var scaleSchedule: ScaleSchedule { ScaleSchedule(schedule, patch: patch) }

  /// D: bits of a token.
  public var tokenBits: Int { tokenizer.latentChannels * patch * patch }

  /// Side in pixels of the output of one tile.
  public var tileSide: Int { scaleSchedule.latent.height * tokenizer.downsampling }
}
