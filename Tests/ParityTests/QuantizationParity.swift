import ParityTestSupport
import TestSupport
import Testing
import Torch

@testable import NSARM

/// bsq_multiscale.safetensors: binary spherical quantisation, its gradients and penalties.
@Suite struct QuantizationParity {
  @Test func quantization() throws {
    let fixture = try Fixture.load("bsq_multiscale")
    let report = ParityReport("bsq_multiscale")
    for name in fixture.cases(where: ".in.schedule") {
      try pyramid(name, fixture, report)
      try penalties(name, fixture, report)
    }
    for name in fixture.cases(where: ".in.x") { single(name, fixture, report) }
    for name in fixture.cases(where: ".in.z") { try entropies(name, fixture, report) }
    // The published training code switches its penalties off and reports zeros, which prove
    // nothing.
    report.requireCoverage(
      of: fixture.expectations.filter {
        !$0.hasSuffix(".losses_as_published") && !$0.hasSuffix(".aux_loss")
      })
    report.finish()
    #expect(report.failures.isEmpty, "\(report.failures)")
  }

  /// Bits, sums, contexts and the straight-through gradient.
  private func pyramid(_ name: String, _ fixture: Fixture, _ report: ParityReport) throws {
    let schedule = ScaleSchedule(fixture.sizes("\(name).in.schedule"))
    let latent = fixture.tensor("\(name).in.latent")
    latent.requiresGradient = true
    let quantizer = MultiScaleQuantizer(schedule)
    let pyramid = quantizer.encode(latent)
    for k in 0..<schedule.count {
      // [B, d, h, w] → [B, 1, h, w, d]
      let bits = pyramid.bits[k].permuted(0, 2, 3, 1).unsqueezed(1)
      report.compareExactly("\(name).out.bits.\(k)", bits, fixture)
      if k + 1 < schedule.count {
        let context = quantizer.context(pyramid.sums[k], scale: k + 1, .area).unsqueezed(2)
        report.compare("\(name).out.var_input.\(k)", context, fixture, tolerance: 1e-5)
      }
    }
    report.compare("\(name).out.quantized_sum", pyramid.latent, fixture, tolerance: 1e-5)
    let gradient = try gradients(
      of: [(pyramid.latent * fixture.tensor("\(name).in.G")).sum()], with: [latent])[0]!
    report.compare(
      "\(name).out.grad_st", gradient, fixture, tolerance: 1e-3, relativeTo: .maximum)

    // Nearly undecided components of the residuals: |R| < 0.05 / √d.
    let threshold = 0.05 / Double(latent.size(1)).squareRoot()
    let undecided = Tensor.stacked(
      pyramid.residuals.map { ($0.detached().abs() .< threshold).to(.float32).mean() })
    report.compare(
      "\(name).out.residual_norm_per_scale", undecided, fixture, tolerance: 1e-6)
  }

  /// Entropies and commitment per scale, their sum and its gradient.
  private func penalties(_ name: String, _ fixture: Fixture, _ report: ParityReport) throws {
    let schedule = ScaleSchedule(fixture.sizes("\(name).in.schedule"))
    let latent = fixture.tensor("\(name).in.latent")
    latent.requiresGradient = true
    let terms = MultiScaleQuantizer(schedule).encode(latent).residuals
      .map(BinarySphericalQuantization.penalties)
    let rows = terms.map {
      Tensor.stacked([$0.perSampleEntropy, $0.codebookEntropy, $0.commitment, $0.total()])
    }
    let total = terms.dropFirst().reduce(terms[0].total()) { $0 + $1.total() }
    let gradient = try gradients(of: [total], with: [latent])[0]!
    // Entropies are sums over the bits of numbers near 1; the total nearly cancels.
    report.compare("\(name).out.recon_losses", .stacked(rows), fixture, tolerance: 1e-5)
    report.compare("\(name).out.recon_total", total.reshaped(1), fixture, tolerance: 1e-5)
    report.compare(
      "\(name).out.recon_grad", gradient, fixture, tolerance: 1e-3, relativeTo: .maximum)
  }

  /// One quantisation without scales, and codes from bits.
  private func single(_ name: String, _ fixture: Fixture, _ report: ParityReport) {
    let x = fixture.tensor("\(name).in.x")  // [B, d, 1, h, w]
    let bits = BinarySphericalQuantization.bits(x)
    report.compareExactly("\(name).out.bits", bits.permuted(0, 2, 3, 4, 1), fixture)
    report.compare(
      "\(name).out.quantized", BinarySphericalQuantization.quantized(x), fixture, tolerance: 1e-6)
    let stored = fixture.tensor("\(name).out.bits").permuted(0, 4, 1, 2, 3)
    report.compare(
      "\(name).out.codes_from_bits", BinarySphericalQuantization.codes(stored), fixture,
      tolerance: 1e-6)
  }

  /// The entropy terms alone, on vectors that are not normalised.
  private func entropies(_ name: String, _ fixture: Fixture, _ report: ParityReport) throws {
    let z = fixture.tensor("\(name).in.z")  // [B, L, codebooks, d]
    z.requiresGradient = true
    let u = z.permuted(0, 3, 1, 2)
    let (perSample, codebook) = BinarySphericalQuantization.entropies(u)
    report.compare("\(name).out.per_sample", perSample.reshaped(1), fixture, tolerance: 1e-5)
    report.compare("\(name).out.codebook", codebook.reshaped(1), fixture, tolerance: 1e-5)
    let gradient = try gradients(of: [perSample - codebook], with: [z])[0]!
    report.compare(
      "\(name).out.grad_penalty", gradient, fixture, tolerance: 1e-3, relativeTo: .maximum)
    let one = BinarySphericalQuantization.logOdds(u).sigmoid().mean([0])  // E[p] of bit 1
    report.compare("\(name).out.avg_prob", .stacked([1 - one, one], 1), fixture, tolerance: 1e-6)
  }
}
