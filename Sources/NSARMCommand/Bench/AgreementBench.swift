import Checkpoints
import Foundation
import Imaging
import NSARM
import SuperResolution
import Torch

/// The distance of a model in some precision from the same weights in float32, or from the model
/// that it was made of.
struct AgreementReport: Encodable {
  struct Scale: Encodable {
    let scale: Int
    let size: String
    /// ‖d − d'‖₂ over ‖d‖₂ of the differences d between the logits of a bit's two values, where all
    /// scales before are the same.
    let relativeError: Double
    /// Share of the bits whose likelier value is the same.
    let equalBits: Double
  }

  let scales: [Scale]
  /// Between the pictures of the same seed, in dB.
  let psnr: Double

  /// Restores a test picture of one tile with both models, one after the other.
  ///
  /// - Parameter original: the model that computes in float32; nil: the same.
  init(_ folder: ModelFolder, _ policy: ComputePolicy, original: ModelFolder?) throws {
    if let original, original.configuration != folder.configuration {
      throw CheckpointError(original.path, "is another model than \(folder.path), not its original")
    }
    let side = folder.configuration.tileSide / folder.configuration.scale
    let picture = InferenceBench.pattern(side, side).tensor.signed  // [3, h, w]
    var run = Run(picture: picture)
    let (exact, exactPicture) = try run.logits(try (original ?? folder).load(.float32))
    let (narrow, narrowPicture) = try run.logits(try folder.load(policy))
    scales = zip(exact, narrow).map { pair in
      let ((k, size, a), (_, _, b)) = pair
      let error = (a - b).square().sum().item / a.square().sum().item
      return Scale(
        scale: k, size: size.description, relativeError: error.squareRoot(),
        equalBits: 1 - ((a .> 0).to(.float32) - (b .> 0).to(.float32)).square().mean().item)
    }
    let error = (exactPicture - narrowPicture).square().mean().item
    psnr = 10 * log10(4 / error)
  }

  /// The input of both models.
  private struct Run {
    let picture: Tensor
    /// Bits of every scale as the first model drew them, −½ or ½.
    var bits: [Tensor]?

    /// Differences of the logits of the scales that are sampled, and the picture.
    mutating func logits(_ model: Model) throws -> ([(Int, GridSize, Tensor)], Tensor) {
      let resolver = try SuperResolver(model)
      let generator = Generator(model)!
      let low = picture.unsqueezed(0)
      var (condition, prefix) = (Condition?.none, [Tensor]())
      withoutGradients {
        model.policy {
          let text = generator.transformer.unconditionalText(length: 16)
          condition = generator.transformer.condition(
            lowQuality: model.configuration.transformer?.picture == nil ? nil : low,
            text: text.map { ($0, nil) })
          prefix = model.prefix(lowQuality: low)
        }
      }
      var options = GenerationOptions()
      options.sampling = model.configuration.sampling
      options.contextResize = model.configuration.contextResize
      options.prefix = prefix
      if bits == nil {
        bits = try generator(condition!, options).bits.map { $0.to(.float32) - 0.5 }
      }
      options.prefix = bits!
      var found: [(Int, GridSize, Tensor)] = []
      options.inspectLogits = { k, logits in
        guard k >= prefix.count else { return }
        let pairs = logits.reshaped(-1, 2).to(.float64)
        found.append(
          (k, generator.schedule.tokens[k], pairs.selected(1, 1) - pairs.selected(1, 0)))
      }
      _ = try generator(condition!, options)
      var all = SuperResolver.Options()
      all.acceleration.scales = generator.schedule.count
      return (found, try resolver.upscaled(picture, all))
    }
  }

  var lines: [String] {
    scales.map {
      String(
        format: "scale %d, %@: logits differ by %.4f, %.2f %% of the bits are the same", $0.scale,
        $0.size, $0.relativeError, 100 * $0.equalBits)
    } + [String(format: "pictures of the same seed: %.2f dB", psnr)]
  }
}
