import Testing
import Torch

@testable import NSARM

@Suite struct CompactSRDecoderTests {
  let random = RandomGenerator(seed: 1)

  private func configuration(_ change: (inout TrunkConfiguration) -> Void = { _ in })
    -> AutoencoderConfiguration
  {
    var trunk = TrunkConfiguration()
    trunk.channels = 8
    trunk.convolutions = 3
    trunk.join = 1
    trunk.codeChannels = 8
    change(&trunk)
    var c = AutoencoderConfiguration()
    c.latentChannels = 6
    c.downsampling = 8
    c.trunk = trunk
    return c
  }

  /// An untrained decoder corrects the enlarged low-quality picture; a code of zeros adds nothing.
  @Test(arguments: [0, 1, 3]) func codeJoinsTheTrunk(join: Int) throws {
    let c = configuration { $0.join = join }
    let store = ParameterStore(seed: 1)
    let decoder = try c.buildDecoder(scale: 4, store.root)
    let low = Tensor.rand([2, 3, 8, 12], using: random) * 2 - 1
    let latent = Tensor.randn([2, 6, 4, 6], using: random)
    let none = decoder(.zeros(like: latent), lowQuality: low)
    #expect(none.shape == [2, 3, 32, 48])
    #expect(distance(decoder(latent, lowQuality: low), none) > 1e-4)
    store["code.conv_out.weight"]!.value = .zeros(store["code.conv_out.weight"]!.value.shape)
    #expect(distance(decoder(latent, lowQuality: low), none) == 0)
  }

  /// With a last convolution of zeros the output is the picture with its pixels enlarged.
  @Test func correctsTheEnlargedPicture() throws {
    let c = configuration()
    let store = ParameterStore(seed: 1)
    let decoder = try c.buildDecoder(scale: 4, store.root)
    store["conv_out.weight"]!.value = .zeros(store["conv_out.weight"]!.value.shape)
    let low = Tensor.rand([1, 3, 8, 12], using: random) * 2 - 1
    let picture = decoder(.zeros([1, 6, 4, 6]), lowQuality: low)
    #expect((picture - low.resized(32, 48, .nearest)).abs().max().item < 1e-6)
  }

  /// Nothing beyond `reach` cells matters, of the picture or of the code.
  @Test(arguments: [0, 3]) func reach(join: Int) throws {
    let c = configuration { $0.join = join }
    let decoder: any LatentDecoder = try c.buildDecoder(scale: 4, ParameterStore(seed: 1).root)
    let low = Tensor.rand([1, 3, 4, 64], using: random)
    let latent = Tensor.randn([1, 6, 2, 32], using: random)
    let picture = decoder(latent, lowQuality: low)
    let far = 16 + decoder.reach + 1  // cells
    let (changedLow, changedLatent) = (low.cloned(), latent.cloned())
    changedLow.narrowed(3, from: 2 * far, count: 64 - 2 * far).copyInPlace(.zeros([1]))
    changedLatent.narrowed(3, from: far, count: 32 - far).copyInPlace(.zeros([1]))
    let changed = decoder(changedLatent, lowQuality: changedLow)
    func part(_ x: Tensor, _ cells: Range<Int>) -> Tensor {
      x.narrowed(3, from: 8 * cells.lowerBound, count: 8 * cells.count)
    }
    #expect(distance(part(picture, 0..<17), part(changed, 0..<17)) == 0)
    #expect(distance(part(picture, 17..<far), part(changed, 17..<far)) > 0)
  }
}
