import Foundation
import ParityTestSupport
import TestSupport
import Testing
import Torch

@testable import NSARM

/// infinity_small.safetensors, training: logits, losses and gradients of teacher forcing.
@Suite struct TransformerTrainingParity {
  @Test func teacherForcing() throws {
    let fixture = try Fixture.load("infinity_small")
    let report = ParityReport("infinity_small", part: "training")
    let names = fixture.cases(where: ".in.gt_bits")
    for name in names { try train(name, fixture, report) }
    report.requireCoverage(
      of: fixture.expectations.filter { expected in names.contains { expected.hasPrefix("\($0).") }
      })
    report.finish()
    #expect(!names.isEmpty)
    #expect(report.failures.isEmpty, "\(report.failures)")
  }

  private func train(_ name: String, _ fixture: Fixture, _ report: ParityReport) throws {
    let (transformer, store) = try transformer(fixture)
    store.prepareForTraining()
    let schedule = ScaleSchedule(fixture.sizes("\(name).in.schedule"))
    let labels = fixture.tensor("\(name).in.gt_bits")
    let rotary = RotaryEmbedding(
      schedule, reference: schedule.publishedReference, headDimension: transformer.headDimension)
    let condition = transformer.condition(text: text(fixture, name))
    let logits = transformer(
      fixture.tensor("\(name).in.x_BLC_wo_prefix"), schedule, rotary, condition)
    report.compare(
      "\(name).out.logits", logits, fixture, tolerance: 2e-4, relativeTo: .standardDeviation)

    let perToken = bitCrossEntropy(logits, labels)  // [B, L]
    let mean = perToken.mean()
    let reweighted = (perToken * scaleWeights(schedule)).sum([-1]).mean()
    let losses = [
      "loss_per_token": perToken, "loss_mean": mean.reshaped(1),
      "loss_reweighted_by_scale": reweighted.reshaped(1),
    ]
    for (loss, value) in losses {
      report.compare("\(name).out.\(loss)", value, fixture, tolerance: 2e-4)
    }
    for suffix in fixture.names(after: "\(name).out.loss_label_smooth_") {
      let loss = bitCrossEntropy(logits, labels, smoothing: Double(suffix)!).mean().reshaped(1)
      report.compare("\(name).out.loss_label_smooth_\(suffix)", loss, fixture, tolerance: 2e-4)
    }
    guard !fixture.names(after: "\(name).out.grad").isEmpty else { return }
    try mean.backward()
    compareGradients(name, store, fixture, report)
  }

  private func compareGradients(
    _ name: String, _ store: ParameterStore, _ fixture: Fixture, _ report: ParityReport
  ) {
    func gradient(_ parameter: String) -> Tensor {
      guard let value = store[parameter]?.value else {
        report.fail(parameter, "no such parameter")
        return .zeros([0])
      }
      // A parameter that the loss does not read has no gradient.
      return value.gradient ?? .zeros(like: value.detached())
    }
    for parameter in fixture.names(after: "\(name).out.grad.") {
      report.compare(
        "\(name).out.grad.\(parameter)", gradient(parameter), fixture, tolerance: 1e-3,
        relativeTo: .maximum)
    }
    for parameter in fixture.names(after: "\(name).out.gradnorm.") {
      let norm = gradient(parameter).norm().reshaped(1)
      report.compare(
        "\(name).out.gradnorm.\(parameter)", norm, fixture, tolerance: 1e-3, relativeTo: .maximum)
    }
    let prefix = "\(name).out.grad_rows."
    let sampled = fixture.names(after: prefix)
    let step = rowStep(sampled.map { (gradient($0).size(0), fixture[prefix + $0].shape[0]) })
    for parameter in sampled {
      report.compare(
        prefix + parameter, gradient(parameter).strided(0, by: step), fixture, tolerance: 1e-3,
        relativeTo: .maximum)
    }
  }

  /// The step that leaves ceil(rows / step) = stored for every tensor.
  private func rowStep(_ counts: [(rows: Int, stored: Int)]) -> Int {
    let longest = counts.map(\.rows).max() ?? 1
    let fitting = (1...longest).filter { step in
      counts.allSatisfy { ($0.rows + step - 1) / step == $0.stored }
    }
    return fitting.first ?? 1
  }
}

/// The transformer of a fixture and its parameters, checked for missing and unused weights.
func transformer(
  _ fixture: Fixture
) throws -> (VisualAutoregressiveTransformer, ParameterStore) {
  let store = ParameterStore(FixtureSource(fixture))
  let tokenBits = fixture["weights.word_embed.weight"].shape[1]
  let transformer = try VisualAutoregressiveTransformer(
    .init(fixture), tokenBits: tokenBits, store.root)
  try store.validate(ignoring: isBuffer)
  return (transformer, store)
}
