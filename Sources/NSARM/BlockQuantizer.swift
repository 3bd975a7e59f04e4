import Checkpoints
import Torch

/// Makes the 8-bit matrices of a transformer's blocks from how a file stores them, one after the
/// other, so that the model is never in memory in floating point.
final class BlockQuantizer {
  private let source: QuantizedSource
  private let output: DType
  /// Bytes of matrices that may still be kept.
  private var remaining: Int

  /// - Parameters:
  ///   - output: element type of the products.
  ///   - bytes: of the matrices that are kept; the others are streamed.
  init(_ source: QuantizedSource, output: DType, keeping bytes: Int) {
    self.source = source
    self.output = output
    remaining = bytes
  }

  /// The form in which parameter `name` is multiplied; nil where it is no matrix of a block, or
  /// where the file lacks it in this shape.
  /// - Throws: `CheckpointError` where its values are not finite.
  func kernel(_ name: String, _ shape: [Int], _ role: WeightRole) throws -> (any LinearKernel)? {
    guard role.isQuantizableMatrix(shape), source.shape(name) == shape else { return nil }
    defer { source.release(name) }
    let weight = try source.storedWeight(name)
    guard weight.isFinite else {
      throw CheckpointError(source.title, "'\(name)' holds values that are not finite")
    }
    let bytes = shape[0] * shape[1]
    guard bytes <= remaining else {
      remaining = 0
      return StreamedMatrix(shape) { [self] in
        defer { source.release(name) }
        return try matrix(source.storedWeight(name))
      }
    }
    remaining -= bytes
    return matrix(weight)
  }

  private func matrix(_ weight: StoredWeight) -> QuantizedMatrix {
    switch weight {
    case .full(let matrix): return QuantizedMatrix(matrix, output: output)
    case .int8(let weight):
      return QuantizedMatrix(weight.values, scales: weight.scale, output: output)
    case .int4(let weight):
      return QuantizedMatrix(weight.values, scales: weight.scale, output: output)
    }
  }
}
