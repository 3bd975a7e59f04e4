import Torch

/// How inference multiplies a model's weights: observed, in 8 bits, or in packed layouts.
extension Model {
  /// Runs `body`, which restores `pictures` pictures with this model, and notes the inputs of what
  /// can be quantised.
  public func calibration(pictures: Int, _ body: () throws -> Void) rethrows -> Calibration {
    let observed = quantizable.map {
      (parameter: $0, earlier: $0.execution, observer: InputObserver())
    }
    for (parameter, _, observer) in observed { parameter.execution = .observed(observer) }
    defer { for (parameter, earlier, _) in observed { parameter.execution = earlier } }
    try body()
    var result = Calibration(pictures: pictures)
    for (parameter, _, observer) in observed where observer.minimum < observer.maximum {
      result.ranges[parameter.name] = [observer.minimum, observer.maximum]
    }
    return result
  }

  /// Computes what can be quantised in 8 bits from now on: weights with a scale per output channel,
  /// inputs in the calibrated ranges. What the calibration lacks, such as a network that inference
  /// does not use, stays as it is.
  func quantize(_ calibration: Calibration) {
    for parameter in quantizable {
      guard let range = calibration.ranges[parameter.name], range.count == 2 else { continue }
      let input = QuantizationRange(minimum: range[0], maximum: range[1])
      parameter.execution = .quantized(
        parameter.value.rank == 2
          ? QuantizedWeight(matrix: parameter.value, input: input, output: policy.activations)
          : QuantizedWeight(kernel: parameter.value, input: input, output: policy.activations))
    }
  }

  /// Gives the matrices of the transformer's blocks the layout that a CPU multiplies fastest,
  /// beside the plain one.
  func packMatrices() {
    guard policy.device == .cpu, PackedMatrix.isAvailable(policy.storage) else { return }
    for parameter in quantizable where parameter.value.rank == 2 {
      parameter.execution = .packed(PackedMatrix(parameter.value))
    }
  }

  /// Gives the 3x3 kernels that are computed plainly in float32 the layout of fewer multiplications,
  /// beside the plain one; those of convolutions with a stride would not use it.
  func packKernels() {
    guard policy.device == .cpu, policy.activations == .float32, PackedKernel.isAvailable else {
      return
    }
    for parameter in store.parameters where PackedKernel.suits(parameter.value.shape) {
      guard case .plain = parameter.execution, !parameter.name.contains("downsample") else {
        continue
      }
      parameter.execution = .packedKernel(PackedKernel(parameter.value))
    }
  }

  /// The matrices of the transformer's blocks and the 3x3 kernels inside of networks: nearly all
  /// operations. The first and last layers, which see pictures and make pictures, codes and logits,
  /// keep their precision, and so does a decoder's trunk: nothing normalises between its
  /// convolutions, so that errors of 8 bits add up to what can be seen.
  private var quantizable: [Parameter] {
    store.parameters.filter { parameter in
      let shape = parameter.value.shape
      let name = parameter.name
      switch shape.count {
      case 2: return name.contains("block") && min(shape[0], shape[1]) >= 32
      case 4:
        return shape[2] == 3 && min(shape[0], shape[1]) >= 16
          && !name.contains("conv_in") && !name.contains("conv_out")
          && !name.hasPrefix(Part.encoder.rawValue) && !name.contains(".body.")
      default: return false
      }
    }
  }
}
