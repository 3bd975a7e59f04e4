import Imaging
import NSARM
import Torch
import Upscaling

/// What a model makes of a low-quality picture, in memory.
public final class Restorer {
  /// Ways through a model, to see what each of its parts is worth.
  public enum Variant: String, CaseIterable, Sendable {
    /// What `nsarm upscale` does.
    case restored
    /// What `nsarm upscale --scales` makes of all scales, where the model recommends fewer.
    case allScales = "all-scales"
    /// The decoder with the codes of the high-quality picture: the best that the transformer could
    /// do.
    case trueCode = "true-code"
    /// The decoder with an empty code: what it gets from the low-quality picture alone.
    case noCode = "no-code"
  }

  public let model: Model
  public let folder: ModelFolder
  private var device: Device { model.policy.device }
  private let upscaler: PhotoUpscaler?

  /// - Throws: what is wrong with the model folder.
  public init(_ folder: ModelFolder, _ policy: ComputePolicy) throws {
    self.folder = folder
    model = try folder.load(policy)
    let restores = folder.configuration.restores
    upscaler = restores ? PhotoUpscaler(try SuperResolver(model)) : nil
  }

  /// Pixels of the output per pixel of the input along a side.
  public var scale: Int { model.configuration.scale }

  /// The picture restored as `nsarm upscale` would.
  /// - Throws: `EvaluationError` where only the model's tokenizer has been trained.
  private func restored(_ low: Image, seed: UInt64, scales: Int? = nil) throws -> Image {
    guard let upscaler else {
      throw EvaluationError(
        "\(folder.path): the model has no transformer; --variants true-code,no-code measures its "
          + "tokenizer")
    }
    var options = PhotoUpscaler.Options()
    options.scale = Double(scale)
    options.resolver.seed = seed
    options.resolver.acceleration.scales = scales
    return try upscaler(low, options)
  }

  /// One way through the model.
  ///
  /// - Parameters:
  ///   - high: the original, `scale` times as large as the input; only `.trueCode` needs it.
  ///   - seed: of the bits that are drawn.
  /// - Throws: `EvaluationError` where the model or the sizes do not allow the variant.
  public func callAsFunction(_ variant: Variant, low: Image, high: Image?, seed: UInt64) throws
    -> Image
  {
    try throwingResourceErrors { try made(variant, low, high, seed) }
  }

  private func made(_ variant: Variant, _ low: Image, _ high: Image?, _ seed: UInt64) throws
    -> Image
  {
    switch variant {
    case .restored: return try restored(low, seed: seed)
    case .allScales:
      return try restored(low, seed: seed, scales: model.configuration.schedule.count)
    case .trueCode:
      guard model.hasCode else {
        throw EvaluationError(
          "\(folder.path): the model has no code; leave out --variants true-code")
      }
      guard let high else {
        throw EvaluationError("--variants true-code needs originals; leave it out here")
      }
      return decoded(try code(of: high, low), low)
    case .noCode:
      let t = model.configuration.tokenizer
      let (height, width) = (low.height * scale, low.width * scale)
      try checkWhole(width, height, in: t.downsampling, .noCode)
      let size = [1, t.latentChannels, height / t.downsampling, width / t.downsampling]
      return decoded(model.decoder.readsLowQuality ? nil : .zeros(size, on: device), low)
    }
  }

  private func checkWhole(_ width: Int, _ height: Int, in side: Int, _ variant: Variant) throws {
    guard width % side == 0, height % side == 0 else {
      throw EvaluationError(
        "\(width)x\(height) pixels are not made of whole squares of \(side)x\(side), which "
          + "--variants \(variant.rawValue) needs; give a crop of \(side) or a multiple of it")
    }
  }

  /// F_K of a picture whose sides are multiples of a tile's, tile by tile, `[1, d, H / f, W / f]`.
  private func code(of high: Image, _ low: Image) throws -> Tensor {
    let c = model.configuration
    let side = c.tileSide
    try checkWhole(high.width, high.height, in: side, .trueCode)
    let quantizer = MultiScaleQuantizer(c.scaleSchedule)
    let (picture, lowQuality) = (tensor(high), tensor(low))
    let rows = stride(from: 0, to: high.height, by: side).map { y -> Tensor in
      func tiles(_ whole: Tensor, shrunk factor: Int) -> Tensor {
        .concatenated(
          stride(from: 0, to: high.width, by: side).map { x in
            whole.narrowed(2, from: y / factor, count: side / factor)
              .narrowed(3, from: x / factor, count: side / factor)
          }, 0)
      }
      let features = autocast {
        model.features(tiles(picture, shrunk: 1), lowQuality: tiles(lowQuality, shrunk: scale))
      }
      let latent = withoutGradients { quantizer.encode(features).latent }
      return .concatenated(
        (0..<latent.size(0)).map { latent.narrowed(0, from: $0, count: 1) }, 3)
    }
    return .concatenated(rows, 2)
  }

  private func decoded(_ latent: Tensor?, _ low: Image) -> Image {
    let input = model.decoder.readsLowQuality ? tensor(low) : nil
    return image(autocast { model.decoder(latent, lowQuality: input).to(.float32) })
  }

  private func autocast<Result>(_ body: () throws -> Result) rethrows -> Result {
    try withoutGradients { try model.policy(body) }
  }

  /// `[1, 3, h, w]` in [-1, 1].
  private func tensor(_ image: Image) -> Tensor {
    image.planes().tensor.unsqueezed(0).to(device).signed
  }

  private func image(_ x: Tensor) -> Image {
    Image(Planes(x.unsigned))
  }
}
