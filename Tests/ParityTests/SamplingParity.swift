import ParityTestSupport
import TestSupport
import Testing
import Torch

@testable import NSARM

/// sampling.safetensors: top-k and top-p filtered probabilities.
@Suite struct SamplingParity {
  @Test func probabilities() throws {
    let fixture = try Fixture.load("sampling")
    let report = ParityReport("sampling")
    for name in fixture.cases(where: ".in.logits") {
      let settings = fixture["\(name).in.tau_topk_topp"].floats
      let probabilities = filteredProbabilities(
        fixture.tensor("\(name).in.logits") * (1 / Double(settings[0])), topK: Int(settings[1]),
        topP: Double(settings[2]))
      report.compare("\(name).out.probs", probabilities, fixture, tolerance: 1e-6)
    }
    report.requireCoverage(of: fixture.expectations)
    report.finish()
    #expect(report.failures.isEmpty, "\(report.failures)")
  }
}
