import Files
import Torch

/// Writes `tensors` as a safetensors file, tensor by tensor, so that at most one is held in host
/// memory beside the originals.
///
/// Tensors are ordered by falling element size, which keeps each aligned without padding; the
/// file's bytes depend on the arguments only. It is written beside `path` and renamed when it is
/// complete and flushed: on failure an older file stays as it was.
///
/// - Throws: `CheckpointError` for repeated names, `FileError` for what the file system refuses.
public func writeSafetensors(
  _ tensors: [(String, Tensor)], metadata: [String: String] = [:], to path: String
) throws {
  var names: Set<String> = ["__metadata__"]
  for (name, _) in tensors where !names.insert(name).inserted {
    throw CheckpointError(path, "cannot be written: two tensors would be called \(quoted(name))")
  }
  let sizes = Dictionary(uniqueKeysWithValues: tensors.map { ($0.0, $0.1.dtype.size) })
  let ordered = tensors.enumerated().sorted {
    (-sizes[$0.element.0]!, $0.offset) < (-sizes[$1.element.0]!, $1.offset)
  }.map(\.element)

  let header = safetensorsHeader(ordered, metadata)
  let file = try AtomicFile(path)
  try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try file.write($0) }
  try header.withUnsafeBytes { try file.write($0) }
  for (_, tensor) in ordered {
    try tensor.detached().to(.cpu).contiguous().withBytes { try file.write($0) }
  }
  try file.commit()
}

/// The header's JSON, padded with spaces to a multiple of eight bytes.
private func safetensorsHeader(_ tensors: [(String, Tensor)], _ metadata: [String: String])
  -> [UInt8]
{
  var fields: [String] = []
  if !metadata.isEmpty {
    let texts = metadata.sorted { $0.key < $1.key }.map { "\(json($0.key)):\(json($0.value))" }
    fields.append("\"__metadata__\":{\(texts.joined(separator: ","))}")
  }
  var offset = 0
  for (name, tensor) in tensors {
    let shape = tensor.shape
    let end = offset + shape.reduce(1, *) * tensor.dtype.size
    let sizes = shape.map(String.init).joined(separator: ",")
    fields.append(
      "\(json(name)):{\"dtype\":\"\(tensor.dtype.safetensorsCode)\",\"shape\":[\(sizes)],"
        + "\"data_offsets\":[\(offset),\(end)]}")
    offset = end
  }
  var header = Array("{\(fields.joined(separator: ","))}".utf8)
  header.append(contentsOf: repeatElement(0x20, count: (8 - header.count % 8) % 8))
  return header
}

/// `text` as a JSON string.
private func json(_ text: String) -> String {
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
