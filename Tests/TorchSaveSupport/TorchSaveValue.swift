import Torch

/// The contents of a file of `torch.save`: nested dictionaries with tensors.
public indirect enum TorchSaveValue {
  case tensor(TorchSaveTensor)
  case dictionary([(key: String, value: TorchSaveValue)])
  case text(String)

  /// A state dict.
  public static func tensors(_ tensors: [(String, TorchSaveTensor)]) -> TorchSaveValue {
    .dictionary(tensors.map { ($0.0, .tensor($0.1)) })
  }
}

/// A contiguous tensor whose bytes are generated when they are written.
public struct TorchSaveTensor {
  public let dtype: DType
  public let shape: [Int]
  /// Fills the tensor's memory.
  let fill: (UnsafeMutableRawBufferPointer) -> Void

  public init(
    _ dtype: DType, _ shape: [Int], fill: @escaping (UnsafeMutableRawBufferPointer) -> Void
  ) {
    self.dtype = dtype
    self.shape = shape
    self.fill = fill
  }

  public init(_ tensor: Tensor) {
    let tensor = tensor.contiguous()
    self.init(tensor.dtype, tensor.shape) { memory in
      tensor.withBytes { memory.copyMemory(from: $0) }
    }
  }

  public var byteCount: Int { shape.reduce(dtype.size, *) }
}

/// The pickle (protocol 2) of a value as PyTorch writes it: each tensor is a call of
/// `torch._utils._rebuild_tensor_v2` on a storage that is named by a number.
struct TorchSavePickle {
  private(set) var bytes: [UInt8] = [0x80, 2]
  /// The tensors in the order of their storages' numbers.
  private(set) var tensors: [TorchSaveTensor] = []

  init(_ value: TorchSaveValue) {
    append(value)
    bytes.append(UInt8(ascii: "."))
  }

  private mutating func append(_ value: TorchSaveValue) {
    switch value {
    case .text(let text): append(text)
    case .dictionary(let entries):
      bytes += [UInt8(ascii: "}"), UInt8(ascii: "(")]
      for (key, value) in entries {
        append(key)
        append(value)
      }
      bytes.append(UInt8(ascii: "u"))
    case .tensor(let tensor): append(tensor)
    }
  }

  private mutating func append(_ tensor: TorchSaveTensor) {
    append(global: "torch._utils", "_rebuild_tensor_v2")
    bytes += [UInt8(ascii: "("), UInt8(ascii: "(")]  // arguments, the storage's description
    append("storage")
    append(global: "torch", tensor.storageClass)
    append(String(tensors.count))
    append("cpu")
    append(tensor.shape.reduce(1, *))
    bytes += [UInt8(ascii: "t"), UInt8(ascii: "Q")]
    append(0)  // offset
    append(tuple: tensor.shape)
    var strides: [Int] = []
    for index in tensor.shape.indices {
      strides.append(tensor.shape[(index + 1)...].reduce(1, *))
    }
    append(tuple: strides)
    bytes.append(0x89)  // requires_grad: False
    append(global: "collections", "OrderedDict")
    bytes += [UInt8(ascii: ")"), UInt8(ascii: "R"), UInt8(ascii: "t"), UInt8(ascii: "R")]
    tensors.append(tensor)
  }

  private mutating func append(_ text: String) {
    bytes.append(UInt8(ascii: "X"))
    append(bytesOf: UInt32(text.utf8.count))
    bytes += Array(text.utf8)
  }

  /// As a signed number of eight bytes, which holds every size.
  private mutating func append(_ number: Int) {
    bytes += [0x8a, 8]
    append(bytesOf: UInt64(number))
  }

  private mutating func append(tuple: [Int]) {
    bytes.append(UInt8(ascii: "("))
    for number in tuple { append(number) }
    bytes.append(UInt8(ascii: "t"))
  }

  private mutating func append(global module: String, _ name: String) {
    bytes += Array("c\(module)\n\(name)\n".utf8)
  }

  private mutating func append(bytesOf number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { bytes += Array($0) }
  }
}

extension TorchSaveTensor {
  fileprivate var storageClass: String {
    switch dtype {
    case .float32: "FloatStorage"
    case .float64: "DoubleStorage"
    case .float16: "HalfStorage"
    case .bfloat16: "BFloat16Storage"
    case .int64: "LongStorage"
    case .int32: "IntStorage"
    case .int16: "ShortStorage"
    case .int8: "CharStorage"
    case .uint8: "ByteStorage"
    case .bool: "BoolStorage"
    case .float8E4M3: preconditionFailure("has no storage class")
    }
  }
}
