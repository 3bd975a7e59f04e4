import Foundation
import Settings
import Testing
import Torch

@testable import NSARM
@testable import SuperResolution

/// Models without code.
@Suite struct NetworkTests {
  private func model(_ blocks: Int = 1) throws -> Model {
    var c = ResidualDenseConfiguration()
    (c.channels, c.growth, c.blocks, c.codeChannels) = (16, 16, blocks, 0)
    let configuration = ModelConfiguration(name: "dense", network: .residualDense(c))
    return try Model(configuration, ParameterStore(seed: 3))
  }

  @Test(arguments: [(1, 1), (3, 50), (40, 33)])
  func outputsHaveFourTimesTheSize(_ height: Int, _ width: Int) throws {
    let output = try SuperResolver(model()).upscaled(testPicture(height, width))
    #expect(output.shape == [3, 4 * height, 4 * width])
  }

  /// Windows fade into each other: the picture is nearly that of one window, without a seam, and
  /// whatever is shared is counted once.
  @Test func windowsFade() throws {
    let resolver = try SuperResolver(model())
    let picture = testPicture(75, 90)
    let whole = try resolver.upscaled(picture)
    for side in [24, 40, 64] {
      var options = SuperResolver.Options()
      options.window = 4 * side
      let plan = try DecodingPlan(
        TileLayout(resolver.model.configuration, width: 90, height: 75, overlap: 0.25), width: 90,
        height: 75, options, resolver.model)
      #expect(plan.bands.count > 1 && plan.columns.count > 1 && plan.overlap > 0)
      for windows in [plan.bands, plan.columns] {
        var sums = [Float](repeating: 0, count: 4 * windows.last!.upperBound)
        for window in windows {
          let start = 4 * plan.used(window, windows).lowerBound
          let weights = plan.weights(window, windows, side: 4)!.floats
          for (i, weight) in weights.enumerated() { sums[start + i] += weight }
        }
        #expect(sums.allSatisfy { abs($0 - 1) < 1e-6 })
      }
      let difference = (try resolver.upscaled(picture, options) - whole).abs()
      #expect(difference.max().item < 0.02, "windows of \(side)")
    }
  }

  @Test func progressGrowsAndStops() throws {
    let resolver = try SuperResolver(model(3))
    var shares: [Double] = []
    var options = SuperResolver.Options()
    options.window = 128
    let picture = LowQualityPicture(testPicture(40, 50))
    try resolver(picture, options, progress: { shares.append($0) }) { _, _ in }
    #expect(shares == shares.sorted() && abs(shares.last! - 1) < 1e-9 && shares.count > 10)
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try resolver(picture, options, progress: { if $0 > 0.3 { throw Stop() } }) { _, _ in }
    }
  }

  /// Strips of the enlarged features agree with the whole, which is computed with gradients.
  @Test func stripsAreTheWhole() throws {
    let model = try model()
    let picture = testPicture(70, 20).unsqueezed(0)
    let strips = withoutGradients { model.decoder(nil, lowQuality: picture) }
    model.store.prepareForTraining()
    let whole = model.decoder(nil, lowQuality: picture)
    #expect(whole.requiresGradient && distance(strips, whole.detached()) < 1e-5)
  }

  /// The code joins after the body; a code of zeros adds nothing.
  @Test func codeJoinsTheBody() throws {
    var c = AutoencoderConfiguration()
    c.latentChannels = 6
    var dense = ResidualDenseConfiguration()
    (dense.channels, dense.growth, dense.blocks, dense.codeChannels) = (16, 8, 1, 8)
    c.residualDense = dense
    let decoder = try c.buildDecoder(scale: 4, ParameterStore(seed: 1).root)
    let random = RandomGenerator(seed: 1)
    let low = Tensor.rand([2, 3, 8, 12], using: random) * 2 - 1
    let latent = Tensor.randn([2, 6, 4, 6], using: random)
    let none = decoder(nil, lowQuality: low)
    #expect(none.shape == [2, 3, 32, 48])
    #expect(distance(decoder(.zeros(like: latent), lowQuality: low), none) < 1e-6)
    #expect(distance(decoder(latent, lowQuality: low), none) > 1e-4)
  }

  @Test func configurationsThatMakeNoSense() throws {
    func problem(_ json: String) -> String {
      do {
        let c = try SettingsJSON.decode(Data(json.utf8), example: ModelConfiguration.example)
        try c.validate()
        return "accepted"
      } catch { return "\(error)" }
    }
    let dense = #""channels":64,"blocks":2,"growth":8"#
    #expect(
      problem(#"{"name":"x","scale":4,"network":{"residualDense":{\#(dense),"codeChannels":0}}}"#)
        == "accepted")
    #expect(
      problem(#"{"name":"x","scale":4,"network":{"residualDense":{\#(dense),"codeChannels":8}}}"#)
        .contains("no code"))
    #expect(
      problem(#"{"name":"x","scale":3,"network":{"residualDense":{\#(dense),"codeChannels":0}}}"#)
        .contains("powers of two"))
    #expect(
      problem(#"{"name":"x","scale":4,"network":{"residualDense":{\#(dense)}}}"#)
        .contains("codeChannels"))
  }
}
