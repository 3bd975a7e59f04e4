import Torch

/// A convolution whose kernel, as a matrix W `[O, I · k · k]`, is divided by its largest singular
/// value (Miyato et al., 2018). It is estimated as uᵀ W v; one power iteration before each update
/// lets u and v follow the kernel.
final class SpectralConvolution {
  private let kernel, bias: Parameter
  private let left, right: Parameter
  private let padding: Int

  /// - Parameters:
  ///   - p: the scope of the kernel and the bias.
  ///   - state: the scope of u and v, which are not trained.
  init(
    _ inputs: Int, _ outputs: Int, kernel size: Int, _ p: ParameterScope, state: ParameterScope
  ) throws {
    let area = size * size
    kernel = try p(
      "weight", [outputs, inputs, size, size], .kernel, .scaledNormal(fanIn: inputs * area))
    bias = try p("bias", [outputs], .vector, .zeros)
    left = try state("left", [outputs], .vector, .normal(1))
    right = try state("right", [inputs * area], .vector, .normal(1))
    padding = size / 2
    for _ in 0..<15 { iterate() }
  }

  // Elementwise products, which stay in float32 in regions of lower precision.

  private var matrix: Tensor { kernel.value.reshaped(left.value.count, -1) }

  /// One step of the power iteration.
  func iterate() {
    func unit(_ x: Tensor) -> Tensor { x / (x.norm() + 1e-12) }
    withoutGradients {
      right.value = unit((matrix * left.value.unsqueezed(1)).sum([0]))
      left.value = unit((matrix * right.value).sum([1]))
    }
  }

  /// The estimate of the largest singular value, one element.
  var largestSingularValue: Tensor {
    (matrix * left.value.unsqueezed(1) * right.value).sum()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    x.conv2d(kernel.value / largestSingularValue, bias.value, padding: padding)
  }
}
