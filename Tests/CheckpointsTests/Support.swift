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

/// Small deterministic generator (Steele et al., 2014, SplitMix64).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// The message of the `CheckpointError` that `body` throws, or nil.
func message(_ body: () throws -> Void) -> String? {
  do { try body() } catch { return "\(error)" }
  return nil
}

/// Bit patterns, for comparisons that NaN passes.
func bytes(_ tensor: Tensor) -> [UInt8] { tensor.contiguous().withBytes { Array($0) } }
