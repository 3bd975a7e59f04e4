import Imaging
import NSARM
import SuperResolution
import Torch

extension PhotoUpscaler {
  /// Restores a picture in memory as the call with files does; its colours only: grey becomes RGB
  /// and transparency is left out.
  ///
  /// - Returns: RGB of 8 bit, of the size that `options.size` says.
  /// - Throws: `OutputSizeError`, `SuperResolutionError`.
  public func callAsFunction(_ image: Image, _ options: Options = Options()) throws -> Image {
    let size = try options.size.size(width: image.width, height: image.height)
    let input = image.planes().fillingHiddenColors().asRGB
    return try throwingResourceErrors {
      // [3, h, w] → [3, scale · h, scale · w]
      let restored = try resolver.upscaled(input.tensor.signed, options.resolver)
      return Image(
        finished(restored, of: input, options, size: size))
    }
  }

  /// Restores a frame of a video, which takes over codes and noise of the frame before.
  ///
  /// - Parameters:
  ///   - frame: RGB.
  ///   - options: as in the call with files, but for the size.
  ///   - size: of the restored frame.
  ///   - context: what the frame takes over.
  ///   - progress: as in the call with files.
  /// - Returns: the restored frame and its codes, for the next one.
  /// - Throws: `SuperResolutionError`.
  public func callAsFunction(
    frame: FloatImage, _ options: Options = Options(), size: (width: Int, height: Int),
    _ context: TemporalPrior, progress: @escaping (Double) throws -> Void = { _ in }
  ) throws -> (picture: FloatImage, codes: FrameCodes) {
    try throwingResourceErrors {
      var strips: [Tensor] = []
      let codes = try resolver(
        frame: LowQualityPicture(frame.tensor.signed), context, options.resolver, progress: progress
      ) { _, strip in strips.append(strip) }
      return (finished(.concatenated(strips, 1), of: frame, options, size: size), codes)
    }
  }

  /// A restored picture in [-1, 1] with the input's colours and of the size that was asked for.
  private func finished(
    _ restored: Tensor, of input: FloatImage, _ options: Options, size: (width: Int, height: Int)
  ) -> FloatImage {
    func truncated(_ planes: FloatImage) -> FloatImage {
      options.truncatesColors ? planes.truncated : planes
    }
    var restored = truncated(FloatImage(restored.unsigned))
    let isColorless = input.isColorless
    let color = colorMode(options)
    if color != .none {
      let style = input.resized(toWidth: restored.width, height: restored.height, .bicubic)
      if color == .adain || color == .both {
        restored = truncated(ColorCorrection.adain(restored, style: style).clamped)
      }
      if color == .wavelet || color == .both {
        restored = truncated(ColorCorrection.wavelet(restored, style: style))
      }
    }
    if isColorless { restored = restored.withoutColor }
    guard size.width != restored.width || size.height != restored.height else { return restored }
    return restored.resized(toWidth: size.width, height: size.height, .bicubic)
  }
}
