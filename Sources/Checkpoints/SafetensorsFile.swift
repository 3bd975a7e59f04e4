import Files
import Torch

/// A safetensors file, mapped into memory; its tensors share the mapping.
///
/// Layout: eight bytes of little-endian header length n, n bytes of JSON (tensor name → element
/// type, shape, byte range), then the tensors' bytes, row-major and little-endian. Everything is
/// checked when the file is opened, so that `tensor` cannot reach outside of it.
public final class SafetensorsFile: TensorFile {
  /// The file's path.
  public let title: String
  /// The tensors in the order of their bytes.
  public let names: [String]
  /// The free-form texts of the header's `__metadata__`.
  public let metadata: [String: String]

  private struct Entry {
    let dtype: DType
    let shape: [Int]
    /// From the beginning of the file.
    var bytes: Range<Int>
  }

  private let file: MappedMemory
  private let entries: [String: Entry]

  /// Opens and validates a file.
  /// - Throws: `CheckpointError` naming the tensor, what was expected and what was found.
  public init(_ path: String) throws {
    let file = try MappedMemory(path)
    let header = try SafetensorsFile.headerRange(file)
    func fail(_ reason: String) -> CheckpointError { CheckpointError(path, reason) }

    let json: HeaderJSON
    do {
      json = try HeaderJSON(parsing: UnsafeRawBufferPointer(rebasing: file.bytes[header]))
    } catch let error as HeaderJSON.SyntaxError {
      throw fail("not a safetensors file: \(error.reason)")
    }
    guard let fields = json.entries else {
      throw fail("not a safetensors file: the header is \(json.kind), expected an object")
    }
    var entries: [String: Entry] = [:]
    var metadata: [String: String] = [:]
    for (name, value) in fields {
      if name == "__metadata__" {
        metadata = try SafetensorsFile.metadata(value, path)
      } else {
        entries[name] = try SafetensorsFile.entry(name, value, base: header.upperBound, file)
      }
    }
    // Ranges must tile the data: no overlap, no gap, nothing left over.
    let order = entries.sorted {
      let (a, b) = ($0.value.bytes, $1.value.bytes)
      return (a.lowerBound, a.upperBound, $0.key) < (b.lowerBound, b.upperBound, $1.key)
    }
    var end = header.upperBound
    for (name, entry) in order {
      let start = entry.bytes.lowerBound
      guard start == end else {
        throw fail(
          "tensor \(quoted(name)) \(start < end ? "overlaps the one before" : "follows a gap"): its data"
            + " begins at byte \(start), expected \(end)")
      }
      end = entry.bytes.upperBound
    }
    guard end == file.bytes.count else {
      throw fail("has \(file.bytes.count) bytes, expected \(end) from its header")
    }
    self.file = file
    self.entries = entries
    self.metadata = metadata
    title = path
    names = order.map(\.key)
  }

  /// The element type of tensor `name`, or nil where the file has no such tensor.
  public func dtype(_ name: String) -> DType? { entries[name]?.dtype }

  /// The shape of tensor `name`, or nil where the file has no such tensor.
  public func shape(_ name: String) -> [Int]? { entries[name]?.shape }

  /// Tensor `name` on the CPU, over the mapped bytes (a copy only where they are not aligned to the
  /// element size).
  /// - Throws: `CheckpointError` when the file has no such tensor.
  public func tensor(_ name: String) throws -> Tensor {
    guard let entry = entries[name] else {
      throw CheckpointError(title, "has no tensor \(quoted(name))")
    }
    return file.tensor(entry.bytes, entry.dtype, entry.shape)
  }

  public func checkWhole() throws { try file.checkWhole() }

  public func place(_ name: String) -> TensorPlace? {
    entries[name].map { TensorPlace(file: title, bytes: $0.bytes) }
  }

  public func release(_ name: String) { entries[name].map { file.release($0.bytes) } }

  // MARK: Header

  /// Longest header that is accepted, as in the format's reference implementation.
  private static let longestHeader = 100_000_000

  private static func headerRange(_ file: MappedMemory) throws -> Range<Int> {
    let count = file.bytes.count
    guard count >= 10 else {
      throw CheckpointError(
        file.path, "not a safetensors file: \(count) bytes, expected at least 10")
    }
    let length = UInt64(littleEndian: file.bytes.loadUnaligned(as: UInt64.self))
    guard length >= 2, length <= longestHeader else {
      throw CheckpointError(
        file.path,
        "not a safetensors file: header length \(length), expected 2 to \(longestHeader)")
    }
    guard length <= count - 8 else {
      throw CheckpointError(
        file.path, "is truncated: \(count) bytes, its header alone ends at byte \(8 + length)")
    }
    return 8..<(8 + Int(length))
  }

  private static func metadata(_ value: HeaderJSON, _ path: String) throws -> [String: String] {
    guard let fields = value.entries else {
      throw CheckpointError(path, "__metadata__ is \(value.kind), expected an object of texts")
    }
    var metadata: [String: String] = [:]
    for (name, value) in fields {
      guard case .string(let text) = value else {
        throw CheckpointError(
          path, "__metadata__ \(quoted(name)) is \(value.kind), expected a text")
      }
      metadata[name] = text
    }
    return metadata
  }

  private static func entry(
    _ name: String, _ value: HeaderJSON, base: Int, _ file: MappedMemory
  ) throws -> Entry {
    func fail(_ reason: String) -> CheckpointError {
      CheckpointError(file.path, "tensor \(quoted(name)) \(reason)")
    }
    guard let fields = value.entries else {
      throw fail("is described by \(value.kind), expected an object")
    }
    func field(_ key: String) throws -> HeaderJSON {
      guard let value = fields.first(where: { $0.name == key })?.value else {
        throw fail("has no '\(key)' in the header")
      }
      return value
    }
    let type = try field("dtype")
    guard case .string(let code) = type, let dtype = DType(safetensors: code) else {
      let known = DType.allCases.map(\.safetensorsCode).joined(separator: ", ")
      throw fail("has element type \(type.kind), expected one of \(known)")
    }
    guard let shape = try field("shape").sizes, shape.count <= 64 else {
      throw fail("has no valid shape, expected a list of at most 64 sizes")
    }
    guard let size = byteCount(shape, dtype) else {
      throw fail("has a shape that no memory holds: \(shape)")
    }
    let offsets = try field("data_offsets").sizes ?? []
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw fail("has no valid data_offsets, expected a list of a begin and an end")
    }
    guard offsets[1] <= file.bytes.count - base else {
      throw fail(
        "ends at byte \(offsets[1]) of the data, of which the file has \(file.bytes.count - base); the"
          + " file is truncated")
    }
    guard offsets[1] - offsets[0] == size else {
      throw fail(
        "has \(offsets[1] - offsets[0]) bytes, expected \(size) for \(code) of shape \(shape)")
    }
    return Entry(dtype: dtype, shape: shape, bytes: (base + offsets[0])..<(base + offsets[1]))
  }
}

/// The bytes of a tensor of `shape`, or nil where they (or, with an empty dimension, its strides)
/// do not fit an `Int`.
func byteCount(_ shape: [Int], _ dtype: DType) -> Int? {
  var strides = dtype.size
  for size in shape {
    let (product, overflow) = strides.multipliedReportingOverflow(by: max(size, 1))
    guard size >= 0, !overflow else { return nil }
    strides = product
  }
  return shape.contains(0) ? 0 : strides
}

extension MappedMemory {
  /// A tensor over `range`, which holds exactly its bytes; a copy where they are not aligned.
  func tensor(_ range: Range<Int>, _ dtype: DType, _ shape: [Int]) -> Tensor {
    guard !range.isEmpty else { return .zeros(shape, dtype) }
    let part = UnsafeRawBufferPointer(rebasing: bytes[range])
    guard Int(bitPattern: part.baseAddress) % dtype.size == 0 else {
      return Tensor(bytes: part, dtype: dtype, shape: shape)
    }
    return Tensor(wrapping: part.baseAddress!, dtype: dtype, shape: shape, owner: self)
  }
}

extension DType {
  /// The format's name of this element type.
  var safetensorsCode: String {
    switch self {
    case .uint8: "U8"
    case .int8: "I8"
    case .int16: "I16"
    case .int32: "I32"
    case .int64: "I64"
    case .float16: "F16"
    case .float32: "F32"
    case .float64: "F64"
    case .bool: "BOOL"
    case .bfloat16: "BF16"
    case .float8E4M3: "F8_E4M3"
    }
  }

  init?(safetensors code: String) {
    guard let match = DType.allCases.first(where: { $0.safetensorsCode == code }) else {
      return nil
    }
    self = match
  }
}
