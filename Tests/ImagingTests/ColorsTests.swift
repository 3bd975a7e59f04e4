import Imaging
import Testing

/// A picture's colours in the networks' form.
@Suite struct ColorsTests {
  private static let grey: [UInt8] = [10, 200]
  private static let rgb: [UInt8] = [1, 2, 3, 251, 252, 253]

  @Test(
    arguments: [
      (1, grey, [10, 10, 10, 200, 200, 200]),
      (2, [10, 0, 200, 128], [10, 10, 10, 200, 200, 200]),
      (3, rgb, rgb),
      (4, [1, 2, 3, 0, 251, 252, 253, 128], rgb),
    ] as [(Int, [UInt8], [UInt8])])
  func greyBecomesRGBAndAlphaIsLeftOut(channels: Int, samples: [UInt8], colors: [UInt8]) {
    let picture = Image(width: 2, height: 1, channels: channels, samples: .u8(samples))
    #expect(picture.rgb.samples == .u8(colors))
    #expect(Image(picture.planes().asRGB).samples == .u8(colors))
    let deep = Image(
      width: 2, height: 1, channels: channels, samples: .u16(samples.map { UInt16($0) * 257 }))
    #expect(deep.rgb.samples == .u8(colors))
  }
}
