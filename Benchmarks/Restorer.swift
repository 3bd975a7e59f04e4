import Foundation
import Imaging
import NSARM
import Torch
import Upscaling

/// What a model makes of a low-quality picture.
final class Restorer {
  /// Ways through a model, to see what each of its parts is worth.
  enum Variant: String, CaseIterable {
    /// What `nsarm upscale` does.
    case restored
    /// The decoder with the codes of the high-quality picture: the best that the transformer could do.
    case trueCode = "true-code"
    /// The decoder with an empty code: what it gets from the low-quality picture alone.
    case noCode = "no-code"
  }

  let model: Model
  let folder: ModelFolder
  private var device: Device { model.policy.device }
  private let upscaler: PhotoUpscaler?
  private let scratch: URL

  /// - Throws: what is wrong with the model folder.
  init(_ nameOrPath: String?, _ policy: ComputePolicy) throws {
    folder = try ModelFolder(try ModelLocator.find(nameOrPath))
    model = try folder.load(policy)
    upscaler =
      model.transformer == nil ? nil : PhotoUpscaler(try SuperResolver(model))
    scratch = FileManager.default.temporaryDirectory
      .appendingPathComponent("nsarm-benchmark-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: scratch) }

  var scale: Int { model.configuration.scale }

  /// The picture restored as `nsarm upscale` would, file to file.
  /// - Throws: `BenchmarkError` where only the model's tokenizer has been trained.
  func restored(_ low: Image, seed: UInt64) throws -> Image {
    guard let upscaler else {
      throw BenchmarkError(
        "\(folder.path): the model has no transformer; --variants true-code,no-code measures its "
          + "tokenizer"
      )
    }
    let (input, output) = (
      scratch.appendingPathComponent("low.png").path,
      scratch.appendingPathComponent("high.png").path
    )
    try low.write(to: input, options: EncodingOptions(effort: 1), overwrite: true)
    var options = PhotoUpscaler.Options()
    options.scale = Double(scale)
    options.overwrite = true
    options.encoding = EncodingOptions(effort: 1)
    options.resolver.seed = seed
    try upscaler(input, to: output, options)
    return try ImageFile.read(output)
  }

  /// One way through the model.
  func callAsFunction(_ variant: Variant, low: Image, high: Image, seed: UInt64) throws -> Image {
    switch variant {
    case .restored: return try restored(low, seed: seed)
    case .trueCode: return try decoded(code(of: high), low)
    case .noCode:
      let f = model.configuration.tokenizer.downsampling
      let size = [1, model.configuration.tokenizer.latentChannels, high.height / f, high.width / f]
      return decoded(.zeros(size, on: device), low)
    }
  }

  /// F_K of a picture whose sides are multiples of a tile's, tile by tile, `[1, d, H / f, W / f]`.
  private func code(of high: Image) throws -> Tensor {
    let c = model.configuration
    let side = c.tileSide
    guard high.width % side == 0, high.height % side == 0 else {
      throw BenchmarkError(
        "\(high.width)x\(high.height) pixels are no whole tiles of \(side)x\(side), which --variants "
          + "true-code needs; give --crop \(side)")
    }
    let quantizer = MultiScaleQuantizer(c.scaleSchedule)
    let picture = tensor(high)
    let rows = stride(from: 0, to: high.height, by: side).map { y -> Tensor in
      let tiles = stride(from: 0, to: high.width, by: side).map { x in
        picture.narrowed(2, from: y, count: side).narrowed(3, from: x, count: side)
      }
      let features = autocast { model.encoder(.concatenated(tiles, 0)).to(.float32) }
      let latent = withoutGradients { quantizer.encode(features.contiguous()).latent }
      return .concatenated((0..<tiles.count).map { latent.narrowed(0, from: $0, count: 1) }, 3)
    }
    return .concatenated(rows, 2)
  }

  private func decoded(_ latent: Tensor, _ low: Image) -> Image {
    let input = model.decoder.readsLowQuality ? tensor(low) : nil
    return image(autocast { model.decoder(latent, lowQuality: input).to(.float32) })
  }

  private func autocast<Result>(_ body: () throws -> Result) rethrows -> Result {
    try withoutGradients { try model.policy(body) }
  }

  /// `[1, 3, h, w]` in [-1, 1].
  private func tensor(_ image: Image) -> Tensor {
    Tensor(image.planes().values, shape: [1, 3, image.height, image.width]).to(device) * 2 - 1
  }

  private func image(_ x: Tensor) -> Image {
    let values = (x.selected(0, 0) * 0.5 + 0.5).clamped(min: 0, max: 1).floats
    return Image(
      Imaging.Planes(width: x.size(3), height: x.size(2), channels: 3, values: values))
  }
}
