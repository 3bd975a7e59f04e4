import Foundation
import Torch

@testable import Checkpoints

/// A folder of its own for one test, removed with the object.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/checkpoints-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }

  /// Writes a safetensors file with header `json` and `data` zero bytes behind it.
  func safetensors(_ json: String, data: Int) throws -> String {
    let length = withUnsafeBytes(of: UInt64(json.utf8.count).littleEndian) { Array($0) }
    return try write(
      "hand-made.safetensors", length + Array(json.utf8) + [UInt8](repeating: 0, count: data))
  }

  var contents: [String] { try! FileManager.default.contentsOfDirectory(atPath: path).sorted() }
}

/// A checkpoint of the old format around the pickle of its object, without storages.
func legacyCheckpoint(_ pickle: [UInt8]) -> [UInt8] {
  [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e]
    + [0x80, 0x02, 0x4d, 0xe9, 0x03, 0x2e] + [0x80, 0x02, 0x7d, 0x2e] + pickle + [0x5d, 0x2e]
}

/// The message of the `CheckpointError` that `body` throws, or nil.
func message(_ body: () throws -> Void) -> String? {
  do { try body() } catch { return "\(error)" }
  return nil
}

/// Bit patterns, for comparisons that NaN passes.
func bytes(_ tensor: Tensor) -> [UInt8] { tensor.contiguous().withBytes { Array($0) } }
