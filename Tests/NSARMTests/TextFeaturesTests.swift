import ModelTestSupport
import Testing
import Torch

@testable import NSARM
@testable import SuperResolution

/// A super-resolver's use of texts.
@Suite struct TextFeaturesTests {
  private let model = try! TinyModel.make(TinyModel.textConfiguration)

  private func text(_ length: Int, seed: UInt64) -> TextFeatures {
    TextFeatures(Tensor.randn([1, length, 128], using: RandomGenerator(seed: seed)).to(.float16))
  }

  private func restored(_ change: (inout SuperResolver.Options) -> Void) throws -> [UInt8] {
    var options = SuperResolver.Options()
    change(&options)
    return bytes(try SuperResolver(model).upscaled(testPicture(40, 50), options))
  }

  private func guided(
    _ guidance: Double, _ given: TextFeatures?, away negative: TextFeatures? = nil
  ) throws -> [UInt8] {
    try restored {
      var sampling = SamplingConfiguration()
      sampling.guidance = Guidance(guidance)
      ($0.sampling, $0.text, $0.negativeText) = (sampling, given, negative)
    }
  }

  @Test func textsOfAnyLengthGoTogether() throws {
    let (long, short) = (text(70, seed: 1), text(3, seed: 2))
    let plain = try guided(1, long)
    #expect(try guided(1, long, away: short) == plain)
    let null = try guided(2, long)
    let away = try guided(2, long, away: short)
    #expect(null != plain && away != plain && away != null)
    // Away from itself is nowhere.
    #expect(try guided(2, long, away: long) == plain)
    #expect(try guided(3, nil) == guided(1, nil))
    #expect(try guided(3, nil, away: short) != guided(1, nil))
  }

  /// A mask and an unpadded text mean the same.
  @Test func masksHideWhatIsPadded() throws {
    let short = text(5, seed: 4)
    let padded = TextFeatures(
      .concatenated([short.features, text(6, seed: 5).features], 1),
      mask: Tensor((0..<11).map { $0 < 5 }, shape: [1, 11]))
    let transformer = model.transformer!
    func start(_ text: TextFeatures) -> Tensor {
      withoutGradients {
        transformer.condition(text: transformer.text(text, batch: 2, on: .cpu)).start
      }
    }
    #expect(start(short).shape == [2, 64])
    #expect(distance(start(short), start(padded)) < 1e-5)
  }

  @Test func theNullTextIsAsLongAsWhatItStandsInFor() throws {
    let transformer = model.transformer!
    func length(_ text: TextFeatures?) -> Int {
      transformer.text(nil, instead: text, batch: 3, on: .cpu)!.features.size(1)
    }
    #expect(length(text(9, seed: 1)) == 9)
    #expect(length(text(600, seed: 1)) == 512)
    #expect(length(nil) == 128)
    let picture = try TinyModel.make().transformer!
    #expect(picture.text(text(9, seed: 1), batch: 1, on: .cpu) == nil)
  }
}
