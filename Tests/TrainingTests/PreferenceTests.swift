import Foundation
import NSARM
import TestSupport
import Testing
import Torch

@testable import Training

/// Preference tuning on pairs of token pyramids.
@Suite(.ownThreads) struct PreferenceTests {
  private let scratch = try! TemporaryFolder()

  private func stage(_ preference: String, from model: String) throws -> TransformerStage {
    let loss = "loss: {self_correction: {maximum: 0}, preference: {\(preference)}}"
    return try TinyTile.stage("stage2", loss, from: model) as! TransformerStage
  }

  /// The start model prefers neither: the term is log 2, whatever the pairs.
  @Test(arguments: PreferenceSettings.Pairs.allCases)
  func theStartModelIsIndifferent(_ pairs: PreferenceSettings.Pairs) throws {
    let model = try TinyTile.model(in: scratch)
    let plain = try TinyTile.evaluation(stage("weight: 0", from: model))
    #expect(plain.figures.isEmpty)
    let tuned = try TinyTile.evaluation(
      stage("weight: 2, beta: 7, pairs: \(pairs.rawValue)", from: model))
    #expect(abs(tuned.loss.item - plain.loss.item - 2 * log(2)) < 1e-3)
    #expect(abs(tuned.figures["preference_margin"]!) < 1e-4)
    #expect(abs(tuned.figures["cross_entropy"]! - plain.loss.item) < 1e-5)
  }

  /// Updates make the preferred pyramid likelier than the rejected one.
  @Test(arguments: PreferenceSettings.Pairs.allCases)
  func updatesRaiseTheMargin(_ pairs: PreferenceSettings.Pairs) throws {
    let model = try TinyTile.model(in: scratch)
    let stage = try stage("weight: 1, beta: 20, pairs: \(pairs.rawValue)", from: model)
    let frozen = stage.model.parameters(of: .encoder, .decoder, .transformationNetwork)
    let before = frozen.map { $0.value.floats }
    let updater = try Updater(stage, try TinyTile.recipe("stage2", "").settings)
    let results = try (1...25).map { try updater.update([TinyTile.batch()], step: $0) }
    let margins = results.map { $0.figures["preference_margin"]! }
    #expect(abs(margins[0]) < 1e-4 && margins.last! > 0.002, "\(margins)")
    #expect(results.last!.figures["preferred"]! >= 0.75)
    #expect(frozen.map { $0.value.floats } == before)
  }

  /// The gradient pulls the two likelihoods apart: the term's is that of −β / 2 of the margin where
  /// the model is indifferent.
  @Test func theGradientIsThatOfTheMargin() throws {
    let model = try TinyTile.model(in: scratch)
    func gradients(_ settings: String) throws -> [Tensor] {
      try TinyTile.gradients(stage(settings, from: model))
    }
    let plain = try gradients("weight: 0")
    let terms = try [("weight: 1, beta: 2", 1.0), ("weight: 3, beta: 4", 6)].map {
      (try gradients($0.0), $0.1)
    }
    let first = zip(terms[0].0, plain).map { $0.0 - $0.1 }
    let largest = first.map { $0.abs().max().item }.max()!
    #expect(largest > 0)
    for (index, gradient) in first.enumerated() {
      let second = (terms[1].0[index] - plain[index]) / terms[1].1
      #expect((gradient - second).abs().max().item < 1e-3 * largest)
    }
  }

  @Test func whatCannotBeIsRefused() throws {
    let model = try TinyTile.model(in: scratch)
    for (preference, problem) in [
      ("beta: 0", "'loss.preference.beta' is 0; "),
      ("weight: -1", "'loss.preference.weight' is -1; "),
      ("pairs: best", "'loss.preference.pairs' "),
      ("temperature: 0", "'loss.preference.temperature' is 0; "),
    ] {
      let text = message { try stage(preference, from: model) }
      #expect(text.hasPrefix("r.yaml: " + problem), "\(text)")
    }
    let other = try TemporaryFolder()
    let untrained = try TinyTile.model(in: other) {
      $0.transformer = nil
      $0.transformationNetwork = nil
    }
    let text = message {
      try TinyTile.stage(
        "transformer",
        """
        model: {transformer: {width: 64, depth: 2, heads: 2, picture: {channels: 16, blocks: 1, patch: 4}}}
        loss: {preference: {weight: 1}}
        """, from: untrained)
    }
    #expect(text.contains("'loss.preference' compares with the model"), "\(text)")
  }
}
