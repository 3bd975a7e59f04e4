import NSARM
import TestSupport
import Testing
import Torch

@testable import Training

/// Distillation of many passes to one.
@Suite(.ownThreads) struct DistillationTests {
  private let scratch = try! TemporaryFolder()

  /// Bits as the transformer reads them: as under teacher forcing, or with the sum of the first
  /// scales in place of what would come later.
  @Test func sequencesOfBits() throws {
    let schedule = ScaleSchedule([1, 2, 3, 4].map { GridSize($0, $0) }, patch: 2)
    let features = Tensor.randn([2, 6, 8, 8], using: RandomGenerator(seed: 1))
    let forcing = TeacherForcing(features, schedule, .init(), contextResize: .bilinear)
    let bits = forcing.pyramid.bits
    let plain = TokenSequence(bits: bits, schedule, resize: .bilinear)
    #expect((plain.labels .== forcing.labels).allTrue)
    #expect((plain.contexts - forcing.contexts).abs().max().item < 1e-6)
    let onePass = TokenSequence(bits: bits, schedule, resize: .bilinear, readingFirst: 2)
    #expect((onePass.labels .== forcing.labels).allTrue)
    let difference = (onePass.contexts - forcing.contexts).abs().max([0, 2]).floats
    // The tokens of scales 2 and 3 read the same, those of scale 4 something else.
    #expect(difference[..<13].allSatisfy { $0 < 1e-6 })
    #expect(difference[13...].allSatisfy { $0 > 1e-3 })
    let expected = schedule.tokens(forcing.pyramid.sums[1])
    #expect(
      (onePass.contexts.narrowed(1, from: 13, count: 16) - expected).abs().max().item < 1e-6)
    let mixed = plain.selected(where: Tensor([true, false], shape: [2]), else: onePass)
    #expect((mixed.contexts.selected(0, 0) - plain.contexts.selected(0, 0)).abs().max().item == 0)
    #expect(
      (mixed.contexts.selected(0, 1) - onePass.contexts.selected(0, 1)).abs().max().item == 0)
  }

  /// One pass comes nearer to the teacher's picture; nothing but the transformer changes.
  @Test func onePassLearnsFromManyPasses() throws {
    let start = try TinyTile.model(in: scratch) {
      $0.schedule = [1, 2, 3, 4].map { GridSize($0, $0) }
      $0.transformationNetwork = .convolutional(
        .init(channels: 16, blocks: 1, patch: 4, scales: [2, 4]))
      $0.sampling.temperature = 0
    }
    let stage = try TinyTile.stage("distillation", "", from: start) as! DistillationStage
    let batch = TinyTile.batch()
    func figures() throws -> [String: Double] { try withoutGradients { try stage.validate(batch) } }
    let first = try figures()
    let updater = try Updater(stage, try TinyTile.recipe("distillation", "").settings)
    let losses = try (1...80).map {
      try updater.update([batch], step: $0).losses["transformer"]!
    }
    #expect(abs(losses[0] - first["loss"]!) < 1e-4)
    #expect(abs(first["psnr"]! - first["psnr_undistilled"]!) < 1e-9)
    #expect(losses.last! < 0.7 * losses[0], "\(losses)")
    let last = try figures()
    #expect(last["accuracy_3"] != nil && last["accuracy_2"] == nil)
    #expect(last["accuracy_4"]! > first["accuracy_4"]!)
    #expect(last["psnr_to_many_passes"]! > first["psnr_to_many_passes"]! + 0.3)
    for name in ["psnr_many_passes", "psnr_undistilled"] { #expect(last[name]! == first[name]!) }
    let earlier = try ModelFolder(start).load(.float32)
    for part in Model.Part.allCases where part != .transformer {
      for (a, b) in zip(earlier.parameters(of: part), stage.model.parameters(of: part)) {
        #expect((a.value - b.value).abs().max().item == 0, "\(b.name)")
      }
    }
  }

  @Test func whatCannotBeIsRefused() throws {
    let model = try TinyTile.model(in: scratch)
    for (loss, problem) in [
      ("{temperature: -1}", "r.yaml: 'loss.temperature' is -1; "),
      ("{labels: teacher}", "r.yaml: "),
    ] {
      let text = message { try TinyTile.stage("distillation", "loss: " + loss, from: model) }
      #expect(text.hasPrefix(problem), "\(text)")
    }
    let other = try TemporaryFolder()
    let withoutPrefix = try TinyTile.model(in: other) { $0.transformationNetwork = nil }
    let text = message { try TinyTile.stage("distillation", "", from: withoutPrefix) }
    #expect(text.contains("the prefix of a transformation network"), "\(text)")
  }
}
