import ParityTestSupport
import TestSupport
import Testing
import Torch

@testable import NSARM

/// t5_small.safetensors: the encoder of a Flan-T5.
@Suite struct TextEncoderParity {
  @Test func encoder() throws {
    let fixture = try Fixture.load("t5_small")
    let report = ParityReport("t5_small")
    let encoder = try TextEncoder(FixtureSource(fixture), policy: .float32)
    let c = encoder.configuration
    #expect([c.vocabulary] == fixture.integers("vocab_size"))
    #expect([c.width] == fixture.integers("d_model"))
    #expect([c.depth] == fixture.integers("num_layers"))
    #expect([c.heads] == fixture.integers("num_heads"))
    #expect([c.attentionWidth / c.heads] == fixture.integers("d_kv"))
    #expect([c.feedForwardWidth] == fixture.integers("d_ff"))
    #expect([c.buckets] == fixture.integers("relative_attention_num_buckets"))

    let ids = fixture.tensor("in.input_ids").to(.int64)
    let mask = fixture.tensor("in.attention_mask").to(.bool)
    report.compare(
      "out.last_hidden_state", try encoder(ids, mask: mask), fixture, tolerance: 1e-4)
    report.requireCoverage(of: fixture.expectations)
    report.finish()
    #expect(report.failures.isEmpty, "\(report.failures)")

    // Without its padding a text gives the same.
    let expected = fixture.tensor("out.last_hidden_state")
    for row in 0..<ids.size(0) {
      let length = Int(mask.selected(0, row).to(.int64).sum().item)
      let text = ids.selected(0, row).values(Int64.self).prefix(length).map(Int.init)
      let alone = try encoder([text])[0]
      let padded = expected.selected(0, row).narrowed(0, from: 0, count: length)
      #expect((alone - padded).abs().max().item < 1e-4)
    }
  }
}
