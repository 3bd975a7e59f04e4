import ModelTestSupport
import Testing
import Torch

@testable import NSARM
@testable import SuperResolution

/// A picture with edges, gradients and texture, the same for the same size: `[3, h, w]` in [-1, 1].
func testPicture(_ height: Int, _ width: Int) -> Tensor {
  var values: [Float] = []
  var state: UInt64 = 7
  for c in 0..<3 {
    for y in 0..<height {
      for x in 0..<width {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let noise = Float(state >> 40) * 0x1p-24 - 0.5
        let edge: Float = (x / 13 + y / 17) % 2 == 0 ? 0.4 : -0.3
        values.append(edge + 0.2 * noise + 0.3 * Float((x + c * y) % 50) / 50)
      }
    }
  }
  return Tensor(values, shape: [3, height, width])
}

func bytes(_ picture: Tensor) -> [UInt8] {
  ((picture + 1) * 127.5).rounded().to(.uint8).values()
}

@Suite struct SuperResolverTests {
  /// Shared by tests that only read it.
  static let model = try! TinyModel.make()
  let resolver = try! SuperResolver(SuperResolverTests.model)

  @Test(arguments: [(1, 1), (1, 90), (31, 33), (32, 32), (47, 101)])
  func outputsHaveFourTimesTheSize(_ height: Int, _ width: Int) throws {
    let output = try resolver.upscaled(testPicture(height, width))
    #expect(output.shape == [3, 4 * height, 4 * width])
    #expect(output.floats.allSatisfy { $0 >= -1 && $0 <= 1 })
  }

  @Test func tileOrderDoesNotMatter() throws {
    let picture = testPicture(90, 75)
    var options = SuperResolver.Options()
    options.batch = 4
    let expected = try resolver.upscaled(picture, options)
    let count = try TileLayout(TinyModel.configuration, width: 75, height: 90, overlap: 0.25).count
    #expect(count == 12)
    for order in [Array((0..<count).reversed()), [5, 0, 11, 3, 7, 1, 10, 2, 9, 4, 8, 6]] {
      options.order = order
      #expect(bytes(try resolver.upscaled(picture, options)) == bytes(expected))
    }
  }

  @Test(arguments: [Precision.float32, .bfloat16])
  func batchSizeDoesNotMatter(_ precision: Precision) throws {
    let picture = testPicture(70, 75)
    let resolver = try SuperResolver(TinyModel.make(policy: ComputePolicy(precision)))
    var options = SuperResolver.Options()
    let expected = bytes(try resolver.upscaled(picture, options))
    for batch in [1, 2, 5] {
      options.batch = batch
      #expect(bytes(try resolver.upscaled(picture, options)) == expected, "batch \(batch)")
    }
  }

  @Test func seedsGiveTheirOwnPictures() throws {
    let picture = testPicture(40, 40)
    var options = SuperResolver.Options()
    options.seed = 3
    let first = bytes(try resolver.upscaled(picture, options))
    #expect(bytes(try resolver.upscaled(picture, options)) == first)
    options.seed = 4
    #expect(bytes(try resolver.upscaled(picture, options)) != first)
  }

  /// Of a trunk whose code joins early, of one whose code joins late, of the encoder's mirror.
  @Test(arguments: [0, 2, nil]) func windowsAgreeWithTheWhole(join: Int?) throws {
    var configuration = TinyModel.configuration
    if let join {
      configuration.tokenizer.trunk!.join = join
    } else {
      configuration.tokenizer.trunk = nil
    }
    let resolver = try SuperResolver(TinyModel.make(configuration))
    let picture = testPicture(96, 120)
    var options = SuperResolver.Options()
    let whole = try resolver.upscaled(picture, options)
    options.window = 128
    let windowed = try resolver.upscaled(picture, options)
    #expect((whole - windowed).abs().max().item < 1e-5)
  }

  @Test func progressRisesToOneAndStopsTheWork() throws {
    let picture = LowQualityPicture(testPicture(64, 64))
    var seen: [Double] = []
    try resolver(picture, progress: { seen.append($0) }, rows: { _, _ in })
    #expect(seen == seen.sorted())
    #expect(abs(seen.last! - 1) < 1e-9)
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try resolver(picture, progress: { if $0 > 0.2 { throw Stop() } }, rows: { _, _ in })
    }
  }

  @Test func rowsComeOnceFromTheTop() throws {
    var next = 0
    var options = SuperResolver.Options()
    options.window = 96
    try resolver(LowQualityPicture(testPicture(77, 40)), options) { first, strip in
      #expect(first == next)
      #expect(strip.size(2) == 160)
      next += strip.size(1)
    }
    #expect(next == 308)
  }

  @Test func aModelWithoutTransformerIsRefused() throws {
    var configuration = TinyModel.configuration
    configuration.transformer = nil
    let model = try TinyModel.make(configuration)
    #expect(throws: SuperResolutionError.self) { try SuperResolver(model) }
  }

  /// Of a text-conditioned model with the published kind of tokenizer: no trunk, group
  /// normalisation, a transformation network that reads the latent.
  @Test func modelsWithoutTrunkGoTheSameWay() throws {
    var configuration = TinyModel.configuration
    configuration.tokenizer.trunk = nil
    configuration.tokenizer.baseChannels = 32
    configuration.tokenizer.normalization = .group
    var network = PublishedTransformationNetwork.Configuration()
    network.widths = [16, 16]
    network.layers = [1, 1]
    network.heads = [2, 2]
    network.scales = [2, 4]
    network.size = 4
    configuration.transformationNetwork = .published(network)
    configuration.transformer!.picture = nil
    var text = TextConfiguration()
    text.channels = 128
    text.maximumLength = 6
    configuration.transformer!.text = text
    configuration.sampling.guidance = 1.5
    let resolver = try SuperResolver(try TinyModel.make(configuration))
    let output = try resolver.upscaled(testPicture(40, 50))
    #expect(output.shape == [3, 160, 200])
    var options = SuperResolver.Options()
    options.text = TextFeatures(.randn([1, 4, 128], using: RandomGenerator(seed: 1)))
    #expect(bytes(try resolver.upscaled(testPicture(40, 50), options)) != bytes(output))
  }
}

@Suite struct OperationCountTests {
  /// Four tiles cost four times one tile.
  @Test func perTilePartsAddUp() throws {
    let resolver = try SuperResolver(SuperResolverTests.model)
    let one = try resolver.operationCount(width: 32, height: 32)
    let four = try resolver.operationCount(width: 56, height: 56)
    #expect(abs(four.transformer / one.transformer - 4) < 1e-9)
    #expect(abs(four.prefix / one.prefix - 4) < 1e-9)
    #expect(one.decoder > 0 && four.decoder > one.decoder)
    // The trunk's kernels at 32x32 pixels and the code's at 16x16 cells.
    let trunk = 32 * 32 * 9 * (3 * 16 + 2 * 16 * 16 + 16 * 48)
    let code = 16 * 16 * 9 * (8 * 16 + 16 * 64)
    #expect(one.decoder == Double(2 * (trunk + code)))
  }

  /// The operators' own report, without the vectors that are computed once per picture.
  @Test func isWhatTheOperatorsDo() throws {
    let resolver = try SuperResolver(SuperResolverTests.model)
    let expected = try resolver.operationCount(width: 56, height: 56).total
    let (_, profile) = try OperatorProfile.measuring {
      try resolver.upscaled(.zeros([3, 56, 56]))
    }
    #expect((1...1.05).contains(profile.operations / expected), "\(profile.operations / expected)")
  }
}
