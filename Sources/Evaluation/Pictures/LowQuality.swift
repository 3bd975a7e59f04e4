import Degradations
import Imaging

extension Image {
  /// The picture, RGB of at least `scale` x `scale`, made `scale` times smaller by Real-ESRGAN's
  /// second-order degradation, 8 bit; the same for the same seed.
  public func degraded(seed: UInt64, scale: Int) -> Image {
    let low = DegradationPipeline().degrade(
      planes().values, height: height, width: width, seed: seed, scale: scale)
    return Image(
      Imaging.Planes(width: width / scale, height: height / scale, channels: 3, values: low))
  }

  /// The picture enlarged with Pillow's bicubic arithmetic.
  public func bicubic(_ scale: Int) -> Image {
    resized(toWidth: width * scale, height: height * scale, .bicubic)
  }

  /// Every pixel repeated.
  public func repeated(_ scale: Int) -> Image {
    let (source, row) = (bytes, width * scale * channels)
    var samples = [UInt8](repeating: 0, count: height * scale * row)
    for y in 0..<height * scale {
      for x in 0..<width * scale {
        let from = (y / scale * width + x / scale) * channels
        for c in 0..<channels { samples[y * row + x * channels + c] = source[from + c] }
      }
    }
    return Image(
      width: width * scale, height: height * scale, channels: channels, samples: .u8(samples))
  }
}
