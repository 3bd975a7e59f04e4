import TestSupport
import Testing
import Torch

@testable import NSARM

/// map8b_small.safetensors: the published transformation network.
@Suite struct TransformationNetworkParity {
  @Test(.enabled(if: Fixture.isAvailable("map8b_small"), "\(Fixture.absence("map8b_small"))"))
  func published() throws {
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

extension PublishedTransformationNetwork.Configuration {
  /// As the fixture's metadata and shapes tell.
  init(_ fixture: Fixture) {
    self.init()
    widths = fixture.integers("hidden_dims")
    layers = fixture.integers("layers")
    heads = fixture.integers("heads")
    feedForwardRatio = Double(fixture.metadata["mlp_ratio"]!)!
    size = fixture["in.x"].shape[2]
    scales = fixture.indices("out.scale.").map { k in
      Int(Double(fixture["out.scale.\(k)"].shape[1]).squareRoot().rounded())
    }
  }
}
