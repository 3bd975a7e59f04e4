import Checkpoints
import NSARM
import Torch

/// The format in which the weights of a converted model are stored.
public enum WeightFormat: String, CaseIterable, Sendable {
  /// The element types of the source; floats of eight bits as bfloat16, which holds them.
  case none
  /// Matrices and kernels as bfloat16, what is used in float32 as float32; matrices of a text
  /// encoder as float16.
  case bf16
  /// As bf16, the matrices of the transformer's blocks in eight bits.
  case int8
  /// As bf16, the matrices of the transformer's blocks in four bits, or in eight where their inputs
  /// do not make whole groups.
  case int4

  /// A weight to be written in this format: read, converted and let go when it is its turn.
  public func pending(_ weight: PublishedWeight) -> PendingTensors {
    let (key, file) = (weight.key, weight.file)
    let entries = entries(weight)
    return PendingTensors(entries, release: { file.release(key) }) {
      var source = try file.tensor(key)
      if source.dtype == .float8E4M3 { source = source.to(.bfloat16) }
      guard source.isFinite().allTrue else {
        throw CheckpointError(file.title, "'\(key)' holds values that are not finite")
      }
      try file.checkWhole()
      switch entries[0].dtype {
      case .int8:
        let weight = Int8Weight(source)
        return [weight.values, weight.scale]
      case .uint8:
        let weight = Int4Weight(source)
        return [weight.values, weight.scale]
      case .float16: return [source.roundedToFloat16.contiguous()]
      default: return [source.to(entries[0].dtype).contiguous()]
      }
    }
  }

  /// The tensors that a weight becomes.
  func entries(_ weight: PublishedWeight) -> [PendingTensors.Entry] {
    let (name, dtype, shape) = (weight.name, weight.dtype, weight.shape)
    func plain(_ dtype: DType) -> [PendingTensors.Entry] { [.init(name, dtype, shape)] }
    if self == .none { return plain(dtype == .float8E4M3 ? .bfloat16 : dtype) }
    if weight.role.isQuantizableMatrix(shape), self != .bf16 {
      if self == .int4, Int4Weight.fits(inputs: shape[1]) {
        return [
          .init(name, .uint8, [shape[0], shape[1] / 2]),
          .init(scaleName(name), .float16, [shape[0], shape[1] / Int4Weight.standardGroup]),
        ]
      }
      return [.init(name, .int8, shape), .init(scaleName(name), .float32, [shape[0]])]
    }
    return plain(weight.storage)
  }
}
