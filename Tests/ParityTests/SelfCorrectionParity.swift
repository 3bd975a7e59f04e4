import ParityTestSupport
import TestSupport
import Testing
import Torch

@testable import NSARM

/// bsc.safetensors: teacher forcing with bitwise self-correction, and the published memory order of
/// stages 1 and 2.
@Suite struct SelfCorrectionParity {
  @Test func selfCorrection() throws {
    let fixture = try Fixture.load("bsc")
    let report = ParityReport("bsc")
    withoutGradients {
      flipped(fixture, report)
      residualTargets(fixture, report)
      givenResiduals(fixture, report)
    }
    report.requireCoverage(of: fixture.expectations)
    report.finish()
    #expect(report.failures.isEmpty, "\(report.failures)")
  }

  /// With the stored flips ("bsc") and without any ("bsc0").
  private func flipped(_ fixture: Fixture, _ report: ParityReport) {
    let features = fixture.tensor("bsc.in.raw_features")
    let schedule = schedule(fixture, "bsc", patch: patch(fixture, "bsc"))
    var noisy = MultiScaleQuantizer.Intervention()
    noisy.flips = { k, _ in
      guard fixture.tensors["bsc.in.mask.\(k)"] != nil else { return nil }
      // [B, 1, h, w, d] → [B, d, h, w]
      return fixture.tensor("bsc.in.mask.\(k)").to(.bool).squeezed(1).permuted(0, 3, 1, 2)
    }
    for (name, intervention) in [("bsc", noisy), ("bsc0", .init())] {
      let forcing = TeacherForcing(features, schedule, intervention, contextResize: .bilinear)
      report.compareExactly("\(name).out.gt_bits", forcing.labels, fixture)
      report.compare(
        "\(name).out.x_BLC_wo_prefix", forcing.contexts, fixture, tolerance: 1e-5)
    }
  }

  /// Stage 1: residuals before ("o") and after ("q") quantisation, in the published memory order.
  private func residualTargets(_ fixture: Fixture, _ report: ParityReport) {
    let forcing = TeacherForcing(
      fixture.tensor("bsc.in.raw_features"), schedule(fixture, "bsc", patch: 1), .init(),
      contextResize: .bilinear)
    report.compare("forres.out.x_BLC_wo_prefix", forcing.contexts, fixture, tolerance: 1e-5)
    func rows(_ maps: [Tensor]) -> Tensor {
      .concatenated(maps.map(PublishedTransformationNetwork.rows), 1)
    }
    report.compare(
      "forres.out.o_residual", rows(forcing.pyramid.residuals), fixture, tolerance: 1e-5)
    let codes = forcing.pyramid.bits.map(BinarySphericalQuantization.codes)
    report.compare("forres.out.q_residual", rows(codes), fixture, tolerance: 1e-5)
  }

  /// Stage 2: the first residuals are given, in the published memory order.
  private func givenResiduals(_ fixture: Fixture, _ report: ParityReport) {
    let features = fixture.tensor("re.in.raw_features")
    let schedule = schedule(fixture, "re", patch: patch(fixture, "re"))
    let rows = fixture.tensor("re.in.pre_o_residual")  // [B, L of the given scales, d]
    var intervention = MultiScaleQuantizer.Intervention()
    var start = 0
    for size in schedule.latents.dropLast() where start + size.count <= rows.size(1) {
      let given = rows.narrowed(1, from: start, count: size.count)
      intervention.givenResiduals.append(PublishedTransformationNetwork.map(given, size))
      start += size.count
    }
    let forcing = TeacherForcing(features, schedule, intervention, contextResize: .bilinear)
    report.compareExactly("re.out.gt_bits", forcing.labels, fixture)
    report.compare("re.out.x_BLC_wo_prefix", forcing.contexts, fixture, tolerance: 1e-5)
  }

  /// Side of a token in latent cells: its bits are those of patch² cells.
  private func patch(_ fixture: Fixture, _ name: String) -> Int {
    let cell = fixture["\(name).in.raw_features"].shape[1]
    let token = fixture["\(name).out.gt_bits"].shape[2]
    return Int(Double(token / cell).squareRoot().rounded())
  }

  /// The stored schedule counts latent cells.
  private func schedule(_ fixture: Fixture, _ name: String, patch: Int) -> ScaleSchedule {
    let sizes = fixture.sizes("\(name).in.vae_schedule")
    return ScaleSchedule(sizes.map { GridSize($0.height / patch, $0.width / patch) }, patch: patch)
  }
}
