import Imaging
import NSARM
import Torch

extension PhotoUpscaler {
  /// Restores a picture in memory as the call with files does; its colours only: grey becomes RGB
  /// and transparency is left out.
  ///
  /// - Returns: RGB of 8 bit, `options.scale` times as wide and high.
  /// - Throws: `SuperResolutionError`.
  public func callAsFunction(_ image: Image, _ options: Options = Options()) throws -> Image {
    precondition((1...8).contains(options.scale), "a scale of 1 to 8")
    let input = image.planes().asRGB
    // [3, h, w] → [3, scale · h, scale · w]
    let y = try resolver.upscaled(input.tensor.signed, options.resolver)
    var restored = Planes(y.unsigned)
    let color = colorMode(options)
    if color != .none {
      let style = input.resized(toWidth: restored.width, height: restored.height, .bicubic)
      if color == .adain || color == .both {
        restored = ColorCorrection.adain(restored, style: style)
      }
      if color == .wavelet || color == .both {
        restored = ColorCorrection.wavelet(restored, style: style)
      }
    }
    let (width, height) = Self.outputSize(
      width: image.width, height: image.height, scale: options.scale)
    if width != restored.width || height != restored.height {
      restored = restored.resized(toWidth: width, height: height, .bicubic)
    }
    return Image(restored)
  }
}
