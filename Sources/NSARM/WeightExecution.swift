import Torch

/// How inference multiplies a model's weights: observed, in 8 bits, or in packed layouts.
extension Model {
  /// Runs `body`, which restores `pictures` pictures with this model, and notes the inputs of what
  /// can be quantised.
  public func calibration(pictures: Int, _ body: () throws -> Void) rethrows -> Calibration {
    let observed = quantizableKernels.map {
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

  /// Computes 3x3 kernels in 8 bits from now on, with a scale per output channel and inputs in the
  /// calibrated ranges, where that is faster than in floating point. What the calibration lacks,
  /// such as a network that inference does not use, stays as it is.
  func quantizeKernels(_ calibration: Calibration) {
    // Without 32-bit sums a quarter of the multiplications in float32 takes half the time.
    guard Processor.current.sumsProductsIn32Bits || !Self.packsKernels(policy) else { return }
    for parameter in quantizableKernels {
      guard let range = calibration.ranges[parameter.name], range.count == 2 else { continue }
      parameter.execution = .quantizedKernel(
        QuantizedKernel(
          parameter.value, input: QuantizationRange(minimum: range[0], maximum: range[1]),
          output: policy.activations))
    }
  }

  /// Leaves the large matrices beside the blocks in the mapped file: each is used once or twice for
  /// a picture, and in memory they would take gigabytes.
  ///
  /// - Parameter release: gives the memory of a tensor's pages back.
  func keepMapped(_ release: @escaping (_ name: String) -> Void) {
    for parameter in store.parameters
    where Self.isKeptMapped(parameter.name, parameter.value.shape) {
      guard case .plain = parameter.execution,
        [.bfloat16, .float32].contains(parameter.value.dtype)
      else { continue }
      let name = parameter.name
      release(name)
      parameter.execution = .mapped { release(name) }
    }
  }

  /// Whether a parameter is a large matrix beside the blocks, and not a table.
  static func isKeptMapped(_ name: String, _ shape: [Int]) -> Bool {
    shape.count == 2 && shape[0] * shape[1] > 1 << 20 && !isQuantizableMatrix(name, shape)
      && (!ModelConfiguration.isUsedWide(name) || name.hasSuffix("ada_lin.1.weight"))
  }

  /// Gives the transformer's matrices that are computed plainly the layout that a CPU multiplies
  /// fastest, beside the plain one. Then no row's result depends on the other rows.
  func packMatrices() {
    guard policy.device == .cpu else { return }
    for parameter in store.parameters {
      let (name, shape) = (parameter.name, parameter.value.shape)
      guard Self.isQuantizableMatrix(name, shape) || Self.isSmallMatrix(name, shape) else {
        continue
      }
      guard case .plain = parameter.execution else { continue }
      let type = configuration.staysWide(name, shape) ? .float32 : policy.activations
      guard PackedMatrix.isAvailable(type) else { continue }
      parameter.execution = .packed(PackedMatrix(parameter.value.to(type)))
    }
  }

  /// Whether a parameter is a matrix of the transformer beside the blocks that takes little memory:
  /// of embeddings, modulations and the head.
  private static func isSmallMatrix(_ name: String, _ shape: [Int]) -> Bool {
    shape.count == 2 && shape[0] * shape[1] <= 1 << 20 && name.hasPrefix(Part.transformer.rawValue)
      && ["word_embed", "ada_lin.1", "start", "head"].contains { name.hasSuffix($0 + ".weight") }
  }

  /// Gives the 3x3 kernels that are computed plainly in float32 the layout of fewer
  /// multiplications, and those of dense blocks in bfloat16 that of its products.
  func packKernels() {
    if Self.packsDenseKernels(policy) { packDenseKernels() }
    guard Self.packsKernels(policy) else { return }
    for parameter in store.parameters
    where Self.isPackedKernel(parameter.name, parameter.value.shape) {
      guard case .plain = parameter.execution else { continue }
      parameter.execution = .packedKernel(
        PackedKernel(
          parameter.value, isKept: !Self.isPackedForEveryUse(parameter.value.shape)))
    }
  }

  private func packDenseKernels() {
    for parameter in store.parameters
    where Self.isDenseKernel(parameter.name, parameter.value.shape) {
      guard case .plain = parameter.execution else { continue }
      parameter.execution = .packedKernel(PackedKernel(parameter.value, .bfloat16))
    }
  }

  /// Whether the 3x3 kernels of dense blocks are kept in the layout of products of bfloat16.
  static func packsDenseKernels(_ policy: ComputePolicy) -> Bool {
    policy.device == .cpu && policy.activations == .bfloat16
      && PackedKernel.isAvailable(inDenseBlocksOf: .bfloat16)
  }

  /// Whether a parameter is a kernel of a decoder's dense blocks.
  static func isDenseKernel(_ name: String, _ shape: [Int]) -> Bool {
    shape.count == 4 && shape[2...] == [3, 3] && shape[0] % 32 == 0 && shape[1] % 32 == 0
      && name.contains(".rdb")
  }

  /// Whether 3x3 kernels are kept in the layout of fewer multiplications.
  static func packsKernels(_ policy: ComputePolicy) -> Bool {
    policy.device == .cpu && policy.activations == .float32 && PackedKernel.isAvailable
  }

  /// Whether a parameter is a 3x3 kernel whose packed form, four times as large, pays: not that of
  /// a convolution with a stride, nor of the encoder, which sees the small picture once.
  static func isPackedKernel(_ name: String, _ shape: [Int]) -> Bool {
    PackedKernel.suits(shape) && !name.contains("downsample")
      && !name.hasPrefix(Part.encoder.rawValue)
  }

  /// Whether a 3x3 kernel is so large that its packed form is made for every use: it would take
  /// megabytes, and is made in a fraction of the time that the convolution takes.
  static func isPackedForEveryUse(_ shape: [Int]) -> Bool {
    shape[0] * shape[1] > 256 * 256
  }

  /// The 3x3 kernels inside of networks. The first and last layers, which see pictures and make
  /// pictures and codes, keep their precision, and so does a decoder's trunk: nothing normalises
  /// between its convolutions, so that errors of 8 bits add up to what can be seen.
  private var quantizableKernels: [Parameter] {
    store.parameters.filter { parameter in
      let (name, shape) = (parameter.name, parameter.value.shape)
      return shape.count == 4 && shape[2] == 3 && min(shape[0], shape[1]) >= 16
        && !name.contains("conv_in") && !name.contains("conv_out")
        && !name.hasPrefix(Part.encoder.rawValue) && !name.contains(".body.")
    }
  }

  /// Whether a parameter is a matrix of the transformer's blocks, where nearly all operations of
  /// products are, and large enough for 8 bits.
  static func isQuantizableMatrix(_ name: String, _ shape: [Int]) -> Bool {
    shape.count == 2 && name.contains("block") && min(shape[0], shape[1]) >= 32
  }
}
