import ParityTestSupport
import TestSupport
import Testing
import Torch

@testable import NSARM

/// vae_small and vae16_small.safetensors: the autoencoder, at f8 and f16.
@Suite struct TokenizerParity {
  @Test func f8() throws { try autoencoder("vae_small") }

  @Test func f16() throws { try autoencoder("vae16_small") }

  private func autoencoder(_ name: String) throws {
    let fixture = try Fixture.load(name)
    let report = ParityReport(name)
    let (encoder, decoder) = try tokenizer(fixture)
    func compare(_ name: String, _ actual: Tensor) {
      report.compare(name, actual, fixture, tolerance: 2e-4, relativeTo: .standardDeviation)
    }
    withoutGradients {
      let trunk = encoder.trunk(fixture.tensor("in.image"))
      let middle = encoder.middle(trunk)
      compare("out.enc_premid", trunk)
      compare("out.enc_mid", middle)
      compare("out.raw_features", encoder.output(middle))
      compare("out.raw_features", encoder(fixture.tensor("in.image")))

      let latent = fixture.tensor("in.latent")
      compare("out.dec_mid", decoder.middleOutput(latent))
      let picture = decoder(latent)
      compare("out.decoder_raw", picture)
      compare("out.decode", picture.clamped(min: -1, max: 1))
    }
    report.requireCoverage(of: fixture.expectations)
    report.finish()
    #expect(report.failures.isEmpty, "\(report.failures)")
  }
}

/// The encoder and decoder of a fixture, checked for missing and unused weights.
func tokenizer(_ fixture: Fixture) throws -> (LatentEncoder, AutoencoderDecoder) {
  let configuration = AutoencoderConfiguration(fixture)
  let store = ParameterStore(FixtureSource(fixture))
  let encoder = try LatentEncoder(configuration, store.root / "encoder")
  let decoder = try AutoencoderDecoder(configuration, store.root / "decoder")
  try store.validate(ignoring: isBuffer)
  return (encoder, decoder)
}
