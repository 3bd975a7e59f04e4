import Files
import Torch

/// Tensors that a file will hold and that are made when it is their turn, so that those of one
/// weight are in memory at a time.
public struct PendingTensors {
  public struct Entry: Equatable, Sendable {
    public let name: String
    public let dtype: DType
    public let shape: [Int]

    public init(_ name: String, _ dtype: DType, _ shape: [Int]) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
    }

    public var byteCount: Int { shape.reduce(dtype.size, *) }
  }

  public let entries: [Entry]
  /// Gives a tensor per entry, of its type and shape.
  let make: () throws -> [Tensor]
  /// Called when they are written.
  let release: () -> Void

  public init(
    _ entries: [Entry], release: @escaping () -> Void = {},
    _ make: @escaping () throws -> [Tensor]
  ) {
    self.entries = entries
    self.release = release
    self.make = make
  }

  public var byteCount: Int { entries.reduce(0) { $0 + $1.byteCount } }

  /// These tensors, with something done each time before they are made.
  /// - Parameter action: what; an error thrown here stops the work.
  public func preceded(by action: @escaping () throws -> Void) -> PendingTensors {
    PendingTensors(entries, release: release) {
      try action()
      return try make()
    }
  }
}

/// Writes `tensors` as a safetensors file; see `writeSafetensors(pending:)`.
public func writeSafetensors(
  _ tensors: [(String, Tensor)], metadata: [String: String] = [:], to path: String
) throws {
  let pending = tensors.map { name, tensor in
    PendingTensors([.init(name, tensor.dtype, tensor.shape)]) { [tensor] }
  }
  try writeSafetensors(pending: pending, metadata: metadata, to: path)
}

/// Writes a safetensors file, group by group in the order that is given, so that the tensors of one
/// are held in memory at a time.
///
/// In the file tensors are ordered by falling element size, which keeps each aligned without
/// padding; the file's bytes depend on the arguments only. It is written beside `path` and renamed
/// when it is complete and flushed: on failure an older file stays as it was.
///
/// - Parameter progress: called after each tensor with its bytes; an error thrown here stops the
///   work.
/// - Throws: `CheckpointError` for repeated names, `FileError` for what the file system refuses,
///   errors of resources.
public func writeSafetensors(
  pending groups: [PendingTensors], metadata: [String: String] = [:], to path: String,
  progress: (Int) throws -> Void = { _ in }
) throws {
  try throwingResourceErrors {
    let output = try SafetensorsOutput(groups, metadata, to: path)
    try output.writeTensors(progress)
    try output.commit(metadata)
  }
}

/// A safetensors file that is being written: first the tensors, then the header, whose texts may be
/// known only then.
struct SafetensorsOutput {
  private let groups: [PendingTensors]
  private let ordered: [PendingTensors.Entry]
  private let headerCount: Int
  private let offsets: [String: Int]
  private let file: AtomicFile

  /// - Parameters:
  ///   - groups: the tensors.
  ///   - metadata: texts as long as those that `commit` will be given.
  ///   - path: the file's.
  init(_ groups: [PendingTensors], _ metadata: [String: String], to path: String) throws {
    let entries = groups.flatMap(\.entries)
    var names: Set<String> = ["__metadata__"]
    for entry in entries where !names.insert(entry.name).inserted {
      throw CheckpointError(
        path, "cannot be written: two tensors would be called \(quoted(entry.name))")
    }
    ordered = entries.enumerated().sorted {
      (-$0.element.dtype.size, $0.offset) < (-$1.element.dtype.size, $1.offset)
    }.map(\.element)
    headerCount = safetensorsHeader(ordered, metadata).count
    var offsets: [String: Int] = [:]
    var end = 8 + headerCount
    for entry in ordered {
      offsets[entry.name] = end
      end += entry.byteCount
    }
    self.offsets = offsets
    self.groups = groups
    file = try AtomicFile(path)
  }

  /// Makes and writes the tensors, group by group.
  /// - Parameters:
  ///   - progress: called after each tensor with its bytes.
  ///   - written: called with each tensor's name and bytes.
  func writeTensors(
    _ progress: (Int) throws -> Void,
    written: (String, UnsafeRawBufferPointer) -> Void = { _, _ in }
  ) throws {
    for group in groups {
      defer { group.release() }
      let tensors = try group.make()
      try checkResources()
      precondition(tensors.count == group.entries.count, "a tensor per entry")
      for (entry, tensor) in zip(group.entries, tensors) {
        precondition(
          tensor.dtype == entry.dtype && tensor.shape == entry.shape,
          "\(entry.name) is \(tensor.dtype) \(tensor.shape)")
        try file.seek(to: offsets[entry.name]!)
        let bytes = tensor.detached().to(.cpu).contiguous()
        try checkResources()
        try bytes.withBytes {
          try file.write($0)
          written(entry.name, $0)
        }
        try progress(entry.byteCount)
      }
    }
    try checkResources()
  }

  /// Writes the header and gives the file its name.
  /// - Parameter metadata: texts of the lengths that were announced.
  func commit(_ metadata: [String: String]) throws {
    let header = safetensorsHeader(ordered, metadata)
    precondition(header.count == headerCount, "texts as long as they were announced")
    try file.seek(to: 0)
    try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try file.write($0) }
    try header.withUnsafeBytes { try file.write($0) }
    try file.commit()
  }
}

/// The header's JSON, padded with spaces to a multiple of eight bytes.
private func safetensorsHeader(_ entries: [PendingTensors.Entry], _ metadata: [String: String])
  -> [UInt8]
{
  var fields: [String] = []
  if !metadata.isEmpty {
    let texts = metadata.sorted { $0.key < $1.key }.map { "\(json($0.key)):\(json($0.value))" }
    fields.append("\"__metadata__\":{\(texts.joined(separator: ","))}")
  }
  var offset = 0
  for entry in entries {
    let end = offset + entry.byteCount
    let sizes = entry.shape.map(String.init).joined(separator: ",")
    fields.append(
      "\(json(entry.name)):{\"dtype\":\"\(entry.dtype.safetensorsCode)\",\"shape\":[\(sizes)],"
        + "\"data_offsets\":[\(offset),\(end)]}")
    offset = end
  }
  var header = Array("{\(fields.joined(separator: ","))}".utf8)
  header.append(contentsOf: repeatElement(0x20, count: (8 - header.count % 8) % 8))
  return header
}

/// `text` as a JSON string.
func json(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"", "\\": result += "\\\(scalar)"
    case _ where scalar.value < 0x20:
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
