import Torch

/// PatchGAN (Isola et al., 2017): a score for each patch of `[B, 3, H, W]`.
final class PatchDiscriminator: Discriminator {
  private let convolutions: [Conv2d]
  private let parameters: [Parameter]

  init(channels: Int, _ p: ParameterScope) throws {
    let widths = [3, channels, 2 * channels, 4 * channels, 4 * channels]
    var all = try zip(widths, widths.dropFirst()).enumerated().map { i, pair in
      try Conv2d(
        pair.0, pair.1, kernel: i < 3 ? 4 : 3, stride: i < 3 ? 2 : 1, padding: 1, gain: 1.4, p / i)
    }
    all.append(try Conv2d(4 * channels, 1, p / widths.count))
    convolutions = all
    parameters = all.flatMap { [$0.weight, $0.bias!] }
  }

  var requiresGradient: Bool {
    get { parameters[0].value.requiresGradient }
    set { for parameter in parameters { parameter.value.requiresGradient = newValue } }
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var h = x.channelsLast()
    for convolution in convolutions.dropLast() { h = convolution(h).leakyRelu(0.2) }
    return convolutions.last!(h).to(.float32)
  }

  func scores(_ pictures: [Tensor]) -> [Tensor] { pictures.map(callAsFunction) }
}
