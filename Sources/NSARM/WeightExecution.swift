import Torch

/// The forms in which inference multiplies a model's weights: observed, in 8 bits, or packed.
extension Model {
  /// Runs `body`, which restores `pictures` pictures with this model, and notes the inputs of the
  /// kernels that can be quantised.
  public func calibration(pictures: Int, _ body: () throws -> Void) rethrows -> Calibration {
    let observed = quantizableKernels.map {
      (parameter: $0, earlier: $0.convolutionKernel, observer: InputObserver($0.value))
    }
    for (parameter, _, observer) in observed { parameter.convolutionKernel = observer }
    defer { for (parameter, earlier, _) in observed { parameter.convolutionKernel = earlier } }
    try body()
    var result = Calibration(pictures: pictures)
    for (parameter, _, observer) in observed where observer.minimum < observer.maximum {
      result.ranges[parameter.name] = [observer.minimum, observer.maximum]
    }
    return result
  }

  /// Computes 3x3 kernels in 8 bits from now on, with a scale per output channel and inputs in the
  /// calibrated ranges, where that is faster than in floating point. Kernels that the calibration
  /// lacks, such as those of a network that inference does not use, stay as they are.
  func quantizeKernels(_ calibration: Calibration) {
    // Without 32-bit sums a quarter of the multiplications in float32 takes half the time.
    guard Processor.current.sumsProductsIn32Bits || !Self.packsKernels(policy) else { return }
    for parameter in quantizableKernels {
      guard let range = calibration.ranges[parameter.name], range.count == 2 else { continue }
      parameter.convolutionKernel = QuantizedKernel(
        parameter.value, input: QuantizationRange(minimum: range[0], maximum: range[1]),
        output: policy.activations)
    }
  }

  /// Leaves the large matrices beside the blocks in the mapped file: each is used once or twice for
  /// a picture, and in memory they would take gigabytes.
  ///
  /// - Parameter release: gives the memory of a tensor's pages back.
  func keepMapped(_ release: @escaping (_ name: String) -> Void) {
    for parameter in store.parameters where parameter.role.isKeptMapped(parameter.value.shape) {
      guard parameter.isPlain, [.bfloat16, .float32].contains(parameter.value.dtype) else {
        continue
      }
      let name = parameter.name
      release(name)
      parameter.linearKernel = MappedMatrix(parameter.value) { release(name) }
    }
  }

  /// Gives the transformer's matrices that are computed plainly the layout that a CPU multiplies
  /// fastest, beside the plain one. Then no row's result depends on the other rows.
  func packMatrices() {
    guard policy.device == .cpu else { return }
    for parameter in store.parameters where parameter.role.isPackedMatrix(parameter.value.shape) {
      guard parameter.isPlain else { continue }
      let type = parameter.role.isWide ? .float32 : policy.activations
      guard PackedMatrix.isAvailable(type) else { continue }
      parameter.linearKernel = PackedMatrix(parameter.value.to(type))
    }
  }

  /// Gives the 3x3 kernels that are computed plainly in float32 the layout of fewer
  /// multiplications, and those of dense blocks in bfloat16 that of its products.
  func packKernels() {
    if Self.packsDenseKernels(policy) { packDenseKernels() }
    guard Self.packsKernels(policy) else { return }
    for parameter in store.parameters where parameter.role.isPackedKernel(parameter.value.shape) {
      guard parameter.isPlain else { continue }
      parameter.convolutionKernel = PackedKernel(
        parameter.value, isKept: !Self.isPackedForEveryUse(parameter.value.shape))
    }
  }

  private func packDenseKernels() {
    for parameter in store.parameters where parameter.role.isDenseKernel(parameter.value.shape) {
      guard parameter.isPlain else { continue }
      parameter.convolutionKernel = PackedKernel(parameter.value, .bfloat16)
    }
  }

  /// Whether the 3x3 kernels of dense blocks are kept in the layout of products of bfloat16.
  package static func packsDenseKernels(_ policy: ComputePolicy) -> Bool {
    policy.device == .cpu && policy.activations == .bfloat16
      && PackedKernel.isAvailable(inDenseBlocksOf: .bfloat16)
  }

  /// Whether 3x3 kernels are kept in the layout of fewer multiplications.
  package static func packsKernels(_ policy: ComputePolicy) -> Bool {
    policy.device == .cpu && policy.activations == .float32 && PackedKernel.isAvailable
  }

  /// Whether a 3x3 kernel is so large that its packed form is made for every use: it would take
  /// megabytes, and is made in a fraction of the time that the convolution takes.
  package static func isPackedForEveryUse(_ shape: [Int]) -> Bool {
    shape[0] * shape[1] > 256 * 256
  }

  private var quantizableKernels: [Parameter] {
    store.parameters.filter { $0.role.isQuantizableKernel($0.value.shape) }
  }
}
