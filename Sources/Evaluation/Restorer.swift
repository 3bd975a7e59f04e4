import Imaging
import NSARM
import SuperResolution
import Torch
import Upscaling

/// Restores low-quality pictures in memory with a model or parts of it.
public final class Restorer {
  /// Variants of a model that show the contribution of each of its parts.
  public enum Variant: String, CaseIterable, Sendable {
    /// The result of `nsarm upscale`.
    case restored
    /// The result of `nsarm upscale --scales` with all scales, where the model recommends fewer.
    case allScales = "all-scales"
    /// The decoder with the code of the high-quality picture: the upper bound of the transformer.
    case trueCode = "true-code"
    /// The decoder with an empty code: a restoration from the low-quality picture alone.
    case noCode = "no-code"
  }

  public let model: Model
  public let folder: ModelFolder
  private var device: Device { model.policy.device }
  private let upscaler: PhotoUpscaler?

  /// - Throws: as `ModelLoader.plan` and `ModelFolder.load` do.
  public init(_ folder: ModelFolder, _ loader: ModelLoader = ModelLoader()) throws {
    self.folder = folder
    let plan = try loader.plan(folder)
    model = try plan.model()
    let restores = folder.configuration.restores
    upscaler =
      restores ? PhotoUpscaler(try SuperResolver(model, batch: plan.memory.batch)) : nil
  }

  /// The factor between the sides of output and input.
  public var scale: Int { model.configuration.scale }

  /// The picture as restored by `nsarm upscale`.
  /// - Throws: `EvaluationError` where only the model's tokenizer has been trained.
  private func restored(_ low: Image, seed: UInt64, scales: Int? = nil) throws -> Image {
    guard let upscaler else {
      throw EvaluationError(
        "\(folder.path): the model has no transformer", .variant(nil))
    }
    var options = PhotoUpscaler.Options()
    options.scale = Double(scale)
    options.resolver.seed = seed
    options.resolver.acceleration.scales = scales
    return try upscaler(low, options)
  }

  /// Restores a picture with a variant of the model.
  ///
  /// - Parameters:
  ///   - high: the original, `scale` times as large as the input; needed by `.trueCode` only.
  ///   - seed: the seed of the sampled bits.
  /// - Throws: `EvaluationError` where the model or the sizes do not allow the variant.
  public func callAsFunction(_ variant: Variant, low: Image, high: Image?, seed: UInt64) throws
    -> Image
  {
    try throwingResourceErrors { try apply(variant, low, high, seed) }
  }

  private func apply(_ variant: Variant, _ low: Image, _ high: Image?, _ seed: UInt64) throws
    -> Image
  {
    switch variant {
    case .restored: return try restored(low, seed: seed)
    case .allScales:
      return try restored(low, seed: seed, scales: model.configuration.schedule.count)
    case .trueCode:
      guard model.hasCode else {
        throw EvaluationError("\(folder.path): the model has no code", .variant(.trueCode))
      }
      guard let high else {
        throw EvaluationError(
          "the variant '\(Variant.trueCode.rawValue)' needs originals", .variant(.trueCode))
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
          + "the variant '\(variant.rawValue)' needs; give a crop of \(side) or a multiple of it")
    }
  }

  /// The latent F_K of a picture whose sides are multiples of a tile's, computed tile by tile, `[1,
  /// d, H / f, W / f]`.
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
    Image(FloatImage(x.unsigned))
  }
}
