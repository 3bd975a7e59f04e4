import Testing
import Torch

@testable import NSARM

@Suite struct AutoencoderTests {
  let random = RandomGenerator(seed: 1)
  private func configuration(stemPatch: Int = 1, _ normalization: Normalization)
    -> AutoencoderConfiguration
  {
    var c = AutoencoderConfiguration()
    c.latentChannels = 6
    c.baseChannels = 32
    c.channelMultipliers = [1, 2, 2]
    c.residualBlocks = 1
    c.downsampling = 8
    c.stemPatch = stemPatch
    c.normalization = normalization
    return c
  }

  @Test(arguments: [2, 4]) func shapes(stemPatch: Int) throws {
    for normalization in [Normalization.group, .channel] {
      let c = configuration(stemPatch: stemPatch, normalization)
      let store = ParameterStore(seed: 1)
      let encoder = try LatentEncoder(c, store.root / "encoder")
      let decoder = try AutoencoderDecoder(c, store.root / "decoder")
      let latent = encoder(Tensor.randn([2, 3, 32, 48], using: random))
      #expect(latent.shape == [2, 6, 4, 6])
      #expect(decoder(latent).shape == [2, 3, 32, 48])
    }
  }

  /// With layer normalisation over channels, a far pixel does not reach a latent cell; with group
  /// normalisation it does.
  @Test func channelNormalizationIsLocal() throws {
    for normalization in [Normalization.channel, .group] {
      let store = ParameterStore(seed: 1)
      let encoder = try LatentEncoder(configuration(stemPatch: 4, normalization), store.root)
      let picture = Tensor.randn([1, 3, 32, 512], using: random)
      let changed = picture.cloned()
      changed.narrowed(3, from: 0, count: 16).copyInPlace(.zeros([1]))
      let far = [picture, changed].map { encoder($0).narrowed(3, from: 62, count: 2) }
      #expect((distance(far[0], far[1]) == 0) == (normalization == .channel))
    }
  }

  @Test func convolutionalTransformationNetwork() throws {
    let network = try ConvolutionalTransformationNetwork(
      .init(channels: 16, blocks: 1, patch: 2, scales: [2, 4, 8]), latentChannels: 6,
      ParameterStore(seed: 1).root)
    let maps = network(lowQuality: Tensor.rand([2, 3, 24, 24], using: random), latent: nil)
    #expect(maps.map(\.shape) == [[2, 6, 2, 2], [2, 6, 4, 4], [2, 6, 8, 8]])
    #expect(network.scaleCount == 3 && !network.readsLatent)
  }

  /// The published memory order: rows and maps hold the same numbers in the same order.
  @Test func publishedMemoryOrder() {
    let map = Tensor.range(2 * 3 * 4 * 5).reshaped(2, 3, 4, 5)
    let rows = PublishedTransformationNetwork.rows(map)
    #expect(rows.shape == [2, 20, 3])
    #expect(rows.values(Int64.self) == map.values(Int64.self))
    let back = PublishedTransformationNetwork.map(rows, GridSize(4, 5))
    #expect(back.shape == map.shape && back.values(Int64.self) == map.values(Int64.self))
  }
}
