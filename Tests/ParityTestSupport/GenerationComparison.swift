import Foundation
import TestSupport
import Torch

@testable import NSARM
@testable import SuperResolution

/// Generation by a model with the weights of infinity_small, vae_small and map8b_small, compared
/// with the reference's.
public struct GenerationComparison {
  public init() {}

  /// The fixture's data about generation: picture, bits, logits, sums of codes.
  public func run(_ model: Model, _ fixture: Fixture, _ report: ParityReport) throws {
    try withoutGradients {
      let guided = fixture["infer.in.cfg_tau"].floats
      let prefix = prefix(model, fixture, report)
      for (name, guidance) in [("infer", 1), ("infer_cfg", guided[0])] {
        try run(
          name, inputs: "infer", model, prefix, guidance: Double(guidance),
          temperature: Double(guided[1]), .area, fixture, report)
      }
      for (name, resize) in [
        ("plain_area", Tensor.Interpolation.area), ("plain_trilinear", .bilinear),
      ] {
        try run(
          name, inputs: name, model, [], guidance: 1, temperature: 1, resize, fixture, report)
      }
    }
    report.requireCoverage(of: fixture.expectations.filter { !$0.hasPrefix("train") })
  }

  /// R'_k of the stored picture, compared as latents, rows and bits.
  private func prefix(_ model: Model, _ fixture: Fixture, _ report: ParityReport) -> [Tensor] {
    let picture = fixture.tensor("infer.in.lr_image_u8").to(.float32) * (2.0 / 255) - 1
    let latent = model.encoder!(picture.unsqueezed(0))
    report.compare(
      "infer.out.map_in", latent, fixture, tolerance: 2e-4, relativeTo: .standardDeviation)
    let prefix = model.transformationNetwork!(lowQuality: picture.unsqueezed(0), latent: latent)
    report.compare(
      "infer.out.map_out",
      .concatenated(prefix.map(PublishedTransformationNetwork.rows), 1), fixture, tolerance: 2e-4,
      relativeTo: .standardDeviation)
    for (k, residual) in prefix.enumerated() {
      let bits = BinarySphericalQuantization.bits(residual)
      report.compareExactly(
        "infer.out.forced_bits.\(k)", bits.permuted(0, 2, 3, 1).unsqueezed(1), fixture)
    }
    return prefix
  }

  private func run(
    _ name: String, inputs: String, _ model: Model, _ prefix: [Tensor], guidance: Double,
    temperature: Double, _ resize: Tensor.Interpolation, _ fixture: Fixture, _ report: ParityReport
  ) throws {
    let transformer = model.transformer!
    let schedule = ScaleSchedule(
      fixture.sizes("\(inputs).in.schedule"), patch: model.configuration.patch)
    let generator = Generator(transformer, schedule, reference: schedule.publishedReference)
    let text = text(fixture, inputs)
    let condition = transformer.condition(text: text)
    let unconditional = transformer.condition(
      text: (transformer.unconditionalText(length: text.features.size(1))!, nil))

    var options = GenerationOptions()
    options.prefix = prefix
    options.sampling.temperature = temperature
    options.sampling.topK = 1
    options.sampling.guidance = Guidance(guidance)
    options.contextResize = resize
    var logits: [Tensor] = []
    options.inspectLogits = { _, scale in logits.append(scale) }
    let result = try generator(
      condition, unconditional: unconditional,
      scaleCount: fixture.indices("\(name).out.bits.").count,
      options)

    compareLogits(name, logits, forced: prefix.count, fixture, report)
    for (k, scale) in logits.enumerated() {
      // Forced bits are in `result`; the reference stores the bits of the logits alone.
      let bits =
        k < prefix.count
        ? scale.reshaped(scale.size(0), scale.size(1), -1, 2).argmax(-1)
        : schedule.tokens(result.bits[k].to(.float32))
      report.compareExactly("\(name).out.bits.\(k)", bits, fixture)
    }
    let stored = fixture["\(name).out.summed_codes"].shape
    report.compare(
      "\(name).out.summed_codes", result.latent.reshaped(stored), fixture, tolerance: 1e-5)
    guard !fixture.names(after: "\(name).out.image").isEmpty else { return }
    comparePicture(
      name, model.decoder(result.latent).clamped(min: -1, max: 1), fixture, report)
  }

  private func compareLogits(
    _ name: String, _ logits: [Tensor], forced: Int, _ fixture: Fixture, _ report: ParityReport
  ) {
    for suffix in fixture.names(after: "\(name).out.logits") {
      // "logits.K" or "logits_everyNth.K"
      let parts = suffix.firstMatch(of: #/^(?:_every(\d+)(?:st|nd|rd|th))?\.(\d+)$/#)!
      let (step, k) = (parts.1.map { Int($0)! } ?? 1, Int(parts.2)!)
      report.compare(
        "\(name).out.logits" + suffix, logits[k].strided(1, by: step), fixture, tolerance: 2e-4,
        relativeTo: .standardDeviation)
    }
    // The margin of the closest decision, over the scales that are decided.
    let margin = logits.dropFirst(forced).map { scale in
      let pairs = scale.reshaped(-1, 2)
      let gap = (pairs.selected(1, 1) - pairs.selected(1, 0)).abs().min()
      return gap.item / scale.flattened().variance([0], unbiased: true).sqrt().item
    }.min()!
    report.compare(
      "\(name).out.min_rel_margin", [Float(margin)],
      fixture["\(name).out.min_rel_margin"].floats, tolerance: 1e-5)
  }

  /// Crops of the middle: "image_crop" of the values, "image_u8_cropN" of the truncated 8-bit
  /// picture.
  private func comparePicture(
    _ name: String, _ picture: Tensor, _ fixture: Fixture, _ report: ParityReport
  ) {
    func middle(_ height: Int, _ width: Int) -> Tensor {
      picture.narrowed(2, from: (picture.size(2) - height) / 2, count: height)
        .narrowed(3, from: (picture.size(3) - width) / 2, count: width)
    }
    for suffix in fixture.names(after: "\(name).out.image_crop") {
      let stored = fixture["\(name).out.image_crop" + suffix]
      report.compare(
        "\(name).out.image_crop" + suffix, middle(stored.shape[2], stored.shape[3]), fixture,
        tolerance: 2e-4, relativeTo: .standardDeviation)
    }
    for suffix in fixture.names(after: "\(name).out.image_u8_crop") {
      let stored = fixture["\(name).out.image_u8_crop" + suffix]
      let crop = middle(stored.shape[0], stored.shape[1]).squeezed(0).permuted(1, 2, 0)
      let levels = ((crop + 1) * 0.5 * 255).floor()
      report.compare(
        "\(name).out.image_u8_crop" + suffix, levels.floats, stored.floats, tolerance: 0,
        allowedOutliers: stored.count / 200, outlierTolerance: 1)
    }
  }
}
