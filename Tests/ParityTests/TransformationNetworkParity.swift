import ParityTestSupport
import TestSupport
import Testing
import Torch

@testable import NSARM

/// map8b_small.safetensors: the published transformation network.
@Suite struct TransformationNetworkParity {
  @Test func published() throws {
    let fixture = try Fixture.load("map8b_small")
    let report = ParityReport("map8b_small")
    let x = fixture.tensor("in.x")
    let store = ParameterStore(FixtureSource(fixture))
    let network = try PublishedTransformationNetwork(
      .init(fixture), latentChannels: x.size(1), store.root)
    try store.validate()
    withoutGradients {
      let features = network.features(x)
      report.compare(
        "out.features", features, fixture, tolerance: 2e-4, relativeTo: .standardDeviation)
      for k in 0..<network.scaleCount {
        report.compare(
          "out.scale.\(k)", network.rows(features, scale: k), fixture, tolerance: 2e-4,
          relativeTo: .standardDeviation)
      }
    }
    report.requireCoverage(of: fixture.expectations)
    report.finish()
    #expect(report.failures.isEmpty, "\(report.failures)")
  }
}
