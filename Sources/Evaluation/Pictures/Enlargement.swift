import Imaging

extension Image {
  /// The picture enlarged by bicubic interpolation as in Pillow.
  public func bicubic(_ scale: Int) -> Image {
    resized(toWidth: width * scale, height: height * scale, .bicubic)
  }

  /// The picture enlarged by repeating every pixel.
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
