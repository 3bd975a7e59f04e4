import Foundation
import ModelTestSupport
import ParityTestSupport
import TestSupport
import Testing
import Torch

@testable import NSARM

/// rope2d.safetensors: schedules, grid positions and rotary embedding.
@Suite struct RotaryParity {
  @Test func rotaryEmbedding() throws {
    let fixture = try Fixture.load("rope2d")
    let report = ParityReport("rope2d")
    for name in fixture.cases(where: ".full_len") {
      guard let parts = name.firstMatch(of: #/hd(\d+)\.r([\d.]+)\.(0\.\d+M|1M)$/#),
        let budget = ScaleSchedule.PixelBudget(rawValue: String(parts.3))
      else {
        report.fail(name, "not a case of the form hdN.rRATIO.BUDGET")
        continue
      }
      let ratio = Double(parts.2)!
      let schedule = ScaleSchedule.published(aspectRatio: ratio, budget: budget)
      let whole = ScaleSchedule.published(aspectRatio: ratio, budget: .pixels1024)
      let rotary = RotaryEmbedding(
        schedule, reference: whole.latent, headDimension: Int(parts.1)!)
      report.compare(
        "\(name).full_len", [whole.tokenCount, schedule.tokenCount],
        fixture["\(name).full_len"].ints)
      if let stored = fixture.tensors["\(name).schedule"] {
        let rows = schedule.tokens.flatMap { [1, $0.height, $0.width] }
        report.compare("\(name).schedule", rows, stored.ints)
      }
      if let stored = fixture.tensors["\(name).yx"] {
        report.compare("\(name).yx", rotary.positions.flatMap { [$0.y, $0.x] }, stored.ints)
      }
      let index = fixture.tensor("\(name).token_index").to(.int64)
      // An angle of up to 111 rad has an error of half its last place, 4e-6, in float32.
      report.compare(
        "\(name).cos", rotary.cosines.selected(0, indices: index), fixture, tolerance: 1e-5)
      report.compare(
        "\(name).sin", rotary.sines.selected(0, indices: index), fixture, tolerance: 1e-5)
    }
    application(fixture, report)
    report.requireCoverage(
      of: fixture.names.filter { !$0.contains(".in.") && !$0.hasSuffix(".token_index") })
    report.finish()
    #expect(report.failures.isEmpty, "\(report.failures)")
  }

  /// Queries and keys of one scale of the square 256 x 256 schedule.
  private func application(_ fixture: Fixture, _ report: ParityReport) {
    let schedule = ScaleSchedule.published(aspectRatio: 1, budget: .pixels256)
    let whole = ScaleSchedule.published(aspectRatio: 1, budget: .pixels1024)
    for name in ["q", "k"] {
      let x = fixture.tensor("apply.in.\(name)")  // [B, H, L, c]
      let rotary = RotaryEmbedding(
        schedule, reference: whole.latent, headDimension: x.size(3))
      let range = schedule.ranges.first { $0.count == x.size(2) }!
      report.compare("apply.out.\(name)", turned(x, by: rotary, range), fixture, tolerance: 1e-5)
    }
  }
}
