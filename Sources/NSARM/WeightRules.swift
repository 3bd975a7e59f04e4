import Torch

// How models keep their weights, by role and shape. Loading, conversion and the estimate of memory
// ask here.
extension WeightRole {
  /// The element type in which a folder keeps the weight where nothing else is asked for.
  package var storage: DType { isWide ? .float32 : .bfloat16 }

  /// Whether the weight is a matrix of the transformer's blocks, where nearly all operations of
  /// products are, and large enough for 8 bits.
  package func isQuantizableMatrix(_ shape: [Int]) -> Bool {
    kind == .matrix && form == .quantizable && shape.allSatisfy { $0 >= 32 }
  }

  /// Whether the weight is a matrix whose packed form pays: one that can be quantised, or another
  /// that takes little memory.
  func isPackedMatrix(_ shape: [Int]) -> Bool {
    isQuantizableMatrix(shape) || kind == .matrix && form == .packed && !Self.isLarge(shape)
  }

  /// Whether the weight is a large matrix beside the blocks.
  package func isKeptMapped(_ shape: [Int]) -> Bool {
    kind == .matrix && Self.isLarge(shape) && !isQuantizableMatrix(shape)
  }

  private static func isLarge(_ shape: [Int]) -> Bool { shape.reduce(1, *) > 1 << 20 }

  /// Whether the weight is a 3x3 kernel whose packed form, four times as large, pays.
  package func isPackedKernel(_ shape: [Int]) -> Bool {
    kind == .kernel && form != .plain && PackedKernel.suits(shape)
  }

  /// Whether the weight is a 3x3 kernel of a residual dense block that can be packed in bfloat16.
  package func isDenseKernel(_ shape: [Int]) -> Bool {
    kind == .kernel && form == .dense && shape[0] % 32 == 0 && shape[1] % 32 == 0
  }

  /// Whether the weight is a 3x3 kernel that may be in 8 bits.
  func isQuantizableKernel(_ shape: [Int]) -> Bool {
    kind == .kernel && form == .quantizable && PackedKernel.suits(shape)
  }
}

extension TransformationNetworkConfiguration {
  /// Whether it reads the low-quality picture's latent, as the published network does.
  var readsLatent: Bool { if case .published = self { true } else { false } }
}
