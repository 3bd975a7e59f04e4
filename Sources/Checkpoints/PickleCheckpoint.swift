import Files
import Torch

/// A checkpoint that `torch.save` wrote (`.pth`, `.pt`, `.ckpt`), in its zip format or the one
/// before.
///
/// The file is mapped, and contiguous tensors share the mapping. Its pickle is read by a machine
/// that runs nothing; a file that asks for anything but tensors, dictionaries and lists of them is
/// refused. Nested dictionaries become names with dots.
public final class PickleCheckpoint: TensorFile {
  /// The file's path.
  public let title: String
  /// The tensors' names in the order of the file.
  public let names: [String]

  private let file: JoinedBytes
  private let tensors: [String: PickleTensor]
  /// The places of the storages' bytes.
  private let storages: [String: Range<Int>]

  /// - Parameter prefix: of the dictionaries in the file, the one whose tensors are wanted, such as
  ///   "state_dict" or "model.ema"; names are relative to it. Empty for the whole file.
  /// - Throws: `CheckpointError` naming what is damaged, missing or refused.
  public convenience init(_ path: String, prefix: String = "") throws {
    try self.init(JoinedBytes(try MappedMemory(path)), prefix: prefix)
  }

  /// A file that may consist of pieces.
  init(_ file: JoinedBytes, prefix: String = "") throws {
    let path = file.title
    do {
      let contents = try PickleContents(file)
      storages = contents.storages
      let found = try contents.flattened(prefix)
      for (name, tensor) in found { try PickleCheckpoint.validate(name, tensor, contents.storages) }
      names = found.map(\.name)
      tensors = Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.tensor) })
    } catch let error as PickleMachine.FormatError {
      throw CheckpointError(path, error.reason)
    } catch let error as ZipArchive.FormatError {
      throw CheckpointError(path, "is not a readable checkpoint: \(error.reason)")
    } catch is ByteCursor.EndReached {
      throw CheckpointError(path, "ends too early; the file is truncated or damaged")
    }
    self.file = file
    title = path
  }

  /// The element type of tensor `name`, or nil where there is no such tensor.
  public func dtype(_ name: String) -> DType? {
    tensors[name].flatMap { elementType(storage: $0.type) ?? elementType($0.type) }
  }

  /// The shape of tensor `name`, or nil where there is no such tensor.
  public func shape(_ name: String) -> [Int]? { tensors[name]?.shape }

  /// Tensor `name` on the CPU, over the mapped bytes.
  /// - Throws: `CheckpointError` when there is no such tensor.
  public func tensor(_ name: String) throws -> Tensor {
    guard let entry = tensors[name], let dtype = dtype(name),
      let bytes = storages[entry.storage.key]
    else {
      throw CheckpointError(title, "has no tensor \(quoted(name))")
    }
    guard !entry.shape.contains(0) else { return .zeros(entry.shape, dtype) }
    let span = entry.span! - entry.offset
    let start = bytes.lowerBound + entry.offset * dtype.size
    let elements = file.tensor(start..<(start + span * dtype.size), dtype, [span])
    if entry.isContiguous { return elements.reshaped(entry.shape) }
    return elements.viewed(entry.shape, strides: entry.strides).contiguous()
  }

  public func checkWhole() throws { try file.checkWhole() }

  /// The place of the storage of tensor `name` in the file, or in all its pieces together.
  public func place(_ name: String) -> TensorPlace? {
    guard let entry = tensors[name], let bytes = storages[entry.storage.key] else { return nil }
    return TensorPlace(file: title, bytes: bytes)
  }

  public func release(_ name: String) {
    guard let entry = tensors[name], let bytes = storages[entry.storage.key] else { return }
    file.release(bytes)
  }

  /// Checks that tensor `name` has a known type and lies inside of its storage.
  private static func validate(
    _ name: String, _ tensor: PickleTensor, _ storages: [String: Range<Int>]
  ) throws {
    func fail(_ reason: String) -> PickleMachine.FormatError {
      PickleMachine.FormatError(reason: "tensor \(quoted(name)) \(reason)")
    }
    guard let dtype = elementType(storage: tensor.type) ?? elementType(tensor.type) else {
      throw fail("has element type \(quoted(tensor.type)), which is not supported")
    }
    guard let bytes = storages[tensor.storage.key] else {
      throw fail("needs storage \(quoted(tensor.storage.key)), which the file does not have")
    }
    guard let logical = byteCount(tensor.shape, dtype), tensor.offset >= 0, let span = tensor.span
    else {
      throw fail("has a shape that no memory holds: \(tensor.shape)")
    }
    guard span <= bytes.count / dtype.size else {
      throw fail(
        "of shape \(tensor.shape) ends at element \(span) of its storage, which has"
          + " \(bytes.count / dtype.size)")
    }
    // A few bytes may not stand for a giant: broadcast dimensions are written out on loading.
    guard tensor.isContiguous || logical <= max(bytes.count, 1 << 20) else {
      throw fail("repeats its elements to \(logical) bytes, its storage has \(bytes.count)")
    }
  }
}

extension PickleTensor {
  /// The end of the last element in the storage, or nil where it does not fit an `Int`.
  var span: Int? {
    var last = offset
    for (size, stride) in zip(shape, strides) where size > 1 {
      let (step, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
      let (sum, carry) = last.addingReportingOverflow(step)
      guard !overflow, !carry else { return nil }
      last = sum
    }
    return shape.contains(0) ? offset : last == .max ? nil : last + 1
  }

  var isContiguous: Bool {
    var expected = 1
    for (size, stride) in zip(shape, strides).reversed() where size != 1 {
      guard stride == expected else { return shape.contains(0) }
      expected *= size
    }
    return true
  }
}

/// The element type of a typed storage class, on the CPU or (in old files) on a GPU.
func elementType(storage name: String) -> DType? {
  switch name.hasPrefix("torch.cuda.") ? "torch." + name.dropFirst(11) : name {
  case "torch.FloatStorage": .float32
  case "torch.DoubleStorage": .float64
  case "torch.HalfStorage": .float16
  case "torch.BFloat16Storage": .bfloat16
  case "torch.LongStorage": .int64
  case "torch.IntStorage": .int32
  case "torch.ShortStorage": .int16
  case "torch.CharStorage": .int8
  case "torch.ByteStorage": .uint8
  case "torch.BoolStorage": .bool
  default: nil
  }
}

/// The element type that PyTorch calls `name`.
func elementType(_ name: String) -> DType? {
  switch name {
  case "torch.float32": .float32
  case "torch.float64": .float64
  case "torch.float16": .float16
  case "torch.bfloat16": .bfloat16
  case "torch.float8_e4m3fn": .float8E4M3
  case "torch.int64": .int64
  case "torch.int32": .int32
  case "torch.int16": .int16
  case "torch.int8": .int8
  case "torch.uint8": .uint8
  case "torch.bool": .bool
  default: nil
  }
}

/// Whether `name` is the class of storages that count bytes.
func isUntyped(_ name: String) -> Bool {
  name == "torch.storage.UntypedStorage" || name == "torch.UntypedStorage"
}
