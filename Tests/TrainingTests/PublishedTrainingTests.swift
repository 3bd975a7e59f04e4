import NSARM
import TestSupport
import Testing
import Torch

@testable import Training

/// Options by which training does as Infinity's training code does.
@Suite(.ownThreads) struct PublishedTrainingTests {
  private let scratch = try! TemporaryFolder()

  @Test func dropPathRisesWithDepthAndKeepsTheMean() throws {
    let path = DropPath(maximum: 0.4)
    let random = UpdateRandom(seed: 1, step: 1)
    let samples = (0..<4000).map { UInt64($0) }
    let scales = try #require(path.residualScales(depth: 5, samples, random, on: .cpu))
    #expect(scales.count == 5)
    for (block, scale) in scales.enumerated() {
      let p = 0.1 * Double(block)
      #expect(abs(path.probability(block: block, of: 5) - p) < 1e-12)
      #expect(scale.shape == [2, 4000, 1, 1])
      let values = scale.floats
      #expect(values.allSatisfy { $0 == 0 || abs(Double($0) - 1 / (1 - p)) < 1e-6 })
      let dropped = Double(values.count { $0 == 0 }) / 8000
      #expect(abs(dropped - p) < 0.025)
      // The branches of a block are drawn apart.
      if block > 0 { #expect(Array(values.prefix(4000)) != Array(values.suffix(4000))) }
    }
    #expect(DropPath(maximum: 0).residualScales(depth: 5, samples, random, on: .cpu) == nil)
    #expect(path.probability(block: 0, of: 1) == 0)
  }

  /// It changes the loss of updates, differently in each, and nothing of validation.
  @Test func dropPathIsOffOutsideOfUpdates() throws {
    let model = try TinyTile.model(in: scratch)
    let stages = try ["0", "0.5"].map {
      try TinyTile.stage("transformer", "loss: {drop_path: \($0)}", from: model)
    }
    let losses = try (1...4).map { step in
      try stages.map { try TinyTile.evaluation($0, step: step).loss.item }
    }
    #expect(losses.contains { $0[0] != $0[1] })
    let figures = try withoutGradients { try stages.map { try $0.validate(TinyTile.batch()) } }
    #expect(figures[0] == figures[1])
    let text = message {
      try TinyTile.stage("transformer", "loss: {drop_path: 1}", from: model)
    }
    #expect(text.hasPrefix("r.yaml: 'loss.drop_path' is 1; "), "\(text)")
  }

  /// A stage may change the interpolation of contexts, and the model keeps it.
  @Test(arguments: [Tensor.Interpolation.area, .bilinear], ["transformer", "stage2"])
  func contextsAreResizedAsTheRecipeSays(_ resize: Tensor.Interpolation, _ name: String) throws {
    let start = try TinyTile.model(in: scratch) {
      // From 8 cells to 4 the two are the same, to 6 they are not.
      $0.schedule = [1, 2, 3, 4].map { GridSize($0, $0) }
      $0.contextResize = resize == .area ? .bilinear : .area
    }
    let kept = try TinyTile.stage(name, "", from: start)
    let changed = try TinyTile.stage(
      name, "model: {context_resize: \(resize.rawValue)}", from: start)
    #expect(kept.contextResize != resize && changed.contextResize == resize)
    let losses = try [kept, changed].map { try TinyTile.evaluation($0).loss.item }
    #expect(abs(losses[0] - losses[1]) > 1e-5)
    try changed.export(to: scratch / "changed", provenance: [:])
    #expect(try ModelFolder(scratch / "changed").configuration.contextResize == resize)
  }

  @Test func captionsAreShortened() {
    let long = "One two three four five six seven eight nine ten eleven twelve 13.5 14 fifteen."
    let text = long + " A second one! A third? The last"
    var shortening = CaptionShortening()
    func drawn(_ text: String) -> Set<String> {
      Set(
        (0..<200).map { seed in
          var random = RandomStream(UInt64(seed))
          return shortening(text, &random)
        })
    }
    #expect(drawn(text) == [text] && shortening.texts(of: text) == [text])
    shortening.probability = 0.5
    #expect(drawn(text) == [long, text])
    #expect(Set(shortening.texts(of: text)) == [long, text])
    let share = (0..<2000).count { seed in
      var random = RandomStream(UInt64(seed))
      return shortening(text, &random) == long
    }
    #expect(abs(share - 1000) < 120)
    shortening.randomLength = true
    let all: Set = [long, long + " A second one!", long + " A second one! A third?", text]
    #expect(drawn(text) == all && Set(shortening.texts(of: text)) == all)
    shortening.probability = 0
    #expect(drawn(text) == all.subtracting([long]))
    #expect(Set(shortening.texts(of: text)) == all.subtracting([long]))
    // A short first sentence does not stand alone, and a caption of one sentence stays.
    shortening.probability = 1
    #expect(drawn("A cat. It sleeps. It is grey.") == ["A cat. It sleeps."])
    for whole in ["A cat.", "A cat", "A cat. It sleeps. ", ""] {
      #expect(drawn(whole) == [whole])
    }
  }

  /// Samples get texts of the set that is encoded in advance; validation gets whole ones.
  @Test func samplesHaveShortenedCaptions() throws {
    let photos = try photos(2, width: 64, height: 64)
    let text = "A cat. It sleeps. It is grey."
    let captions = scratch / "captions.jsonl"
    try (0..<2).map { #"{"image_path": "photo\#($0).png", "long_caption": "\#(text)"}"# }
      .joined(separator: "\n").write(toFile: captions, atomically: true, encoding: .utf8)
    var settings = settings()
    settings.captions = captions
    settings.captionDropout = 0.5
    func source() throws -> PhotoDataset {
      try PhotoDataset(folder: photos.path, settings: settings, scale: 4, seed: 1) { _ in }
    }
    let plain = try (0..<60).map { try source().pair($0).caption }
    settings.captionShortening.probability = 0.5
    let shortened = try (0..<60).map { try source().pair($0).caption }
    #expect(try source().captions == ["A cat. It sleeps.", text])
    #expect(Set(shortened.compactMap(\.?.text)) == ["A cat. It sleeps.", text])
    #expect(plain.map(\.?.isDropped) == shortened.map(\.?.isDropped))
    let validation = try ValidationSet(folder: photos.path, settings: settings, scale: 4) { _ in }
    #expect(validation.batches.flatMap(\.captions).allSatisfy { $0?.text == text })
    let problem = message {
      try TrainingRecipe(
        text: "{stage: stage2, steps: 1, data: {caption_shortening: {probability: 2}}}")
    }
    #expect(problem.contains("'data.caption_shortening.probability' is 2; "), "\(problem)")
  }
}
