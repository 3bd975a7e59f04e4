import Foundation
import ParityTestSupport
import TestSupport
import Testing
import Torch

@testable import NSARM

/// infinity_small.safetensors, inference: picture → latent → forced scales → sampled scales →
/// picture, with the tokenizer of vae_small and the transformation network of map8b_small; and
/// plain decoding.
@Suite struct GenerationParity {
  @Test func generation() throws {
    let fixture = try Fixture.load("infinity_small")
    let report = ParityReport("infinity_small", part: "inference")
    try GenerationComparison().run(try model(fixture), fixture, report)
    report.finish()
    #expect(report.failures.isEmpty, "\(report.failures)")
  }

  /// The model of the three files.
  private func model(_ fixture: Fixture) throws -> Model {
    let (vae, map) = (try Fixture.load("vae_small"), try Fixture.load("map8b_small"))
    let tokenizer = AutoencoderConfiguration(vae)
    let patch = Int(
      (Double(fixture["weights.word_embed.weight"].shape[1])
        / Double(tokenizer.latentChannels)).squareRoot().rounded())
    let schedule = ScaleSchedule(fixture.sizes("infer.in.schedule"), patch: patch)
    var configuration = ModelConfiguration(
      name: "fixture", tokenizer: tokenizer, patch: patch, schedule: schedule.tokens,
      rotaryReference: schedule.publishedReference, contextResize: .area,
      transformationNetwork: .published(.init(map)), transformer: .init(fixture))
    configuration.scale = 2  // the fixture's picture is half as wide as what is made of it
    let store = ParameterStore(
      JoinedSource(parts: [
        ("tokenizer.", FixtureSource(vae)), ("map_transformer.", FixtureSource(map)),
        ("transformer.", FixtureSource(fixture)),
      ]))
    let model = try Model(configuration, store)
    try store.validate(ignoring: isBuffer)
    return model
  }
}
