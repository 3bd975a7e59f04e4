import Foundation

/// Writes files as `torch.save` did before its zip format, and still does when asked to: pickles of
/// a magic number, the protocol, the system, the object and the storages' keys, then the storages.
public enum LegacyTorchSaveFile {
  /// - Parameters:
  ///   - value: the contents of the file.
  ///   - path: the file's path.
  public static func write(_ value: TorchSaveValue, to path: String) throws {
    let pickle = TorchSavePickle(value)
    var bytes: [UInt8] = [
      0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e,
    ]
    bytes += [0x80, 0x02, 0x4d, 0xe9, 0x03, 0x2e]  // protocol 1001
    bytes += [0x80, 0x02, 0x7d, 0x2e]  // an empty description of the system
    bytes += pickle.bytes
    bytes += [0x80, 0x02, UInt8(ascii: "]"), UInt8(ascii: "(")]
    for index in pickle.tensors.indices {
      let key = Array(String(index).utf8)
      bytes += [UInt8(ascii: "X"), UInt8(key.count), 0, 0, 0] + key
    }
    bytes += [UInt8(ascii: "e"), UInt8(ascii: ".")]
    for tensor in pickle.tensors {
      let count = UInt64(tensor.shape.reduce(1, *)).littleEndian
      withUnsafeBytes(of: count) { bytes += Array($0) }
      var storage = [UInt8](repeating: 0, count: tensor.byteCount)
      storage.withUnsafeMutableBytes(tensor.fill)
      bytes += storage
    }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }
}
