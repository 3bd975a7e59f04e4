import Foundation
import Torch

/// A number that distinguishes files of weights, made of a file's size, its beginning and 256
/// blocks all over it: the whole of a small file, and a sample of one of many gigabytes.
/// - Throws: `CheckpointError` where the file cannot be read.
public func fingerprint(ofFile path: String) throws -> UInt64 {
  let data: Data
  do {
    data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
  } catch {
    throw CheckpointError(path, "cannot be read (\(error.localizedDescription))")
  }
  let (block, count) = (1 << 16, 256)
  var key = UInt64(data.count)
  let step = max(block, data.count / count)
  for start in stride(from: 0, to: data.count, by: step) {
    let end = min(start + block, data.count)
    data[start..<end].withUnsafeBytes { bytes in
      for at in stride(from: 0, to: bytes.count - bytes.count % 8, by: 8) {
        key = RandomStream.key(
          key, UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
      }
      for byte in bytes.suffix(bytes.count % 8) { key = RandomStream.key(key, UInt64(byte)) }
    }
  }
  return key
}

/// A key as 16 hexadecimal digits.
public func hexadecimal(_ key: UInt64) -> String {
  let digits = String(key, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}
