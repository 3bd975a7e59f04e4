import Foundation

/// A file of events that TensorBoard reads while it grows, one for each start of a run. Every event
/// is a record of TFRecord: its length, the length's checksum, its bytes, their checksum.
final class EventFile {
  private let path: String
  private let file: FileHandle

  /// Creates the file in `folder` and voids what earlier files hold from `step` on.
  /// - Throws: `TrainingError.unwritable`.
  init(folder: String, from step: Int, at date: Date = Date()) throws {
    let time = date.timeIntervalSince1970
    // TensorBoard reads the files of a folder in the order of their names.
    var name = folder + String(format: "/events.out.tfevents.%010d.nsarm", Int(time))
    while FileManager.default.fileExists(atPath: name) { name += "-" }
    path = name
    var opened: FileHandle?
    try writing(name) {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
      try Data().write(to: URL(fileURLWithPath: name))
      opened = try FileHandle(forWritingTo: URL(fileURLWithPath: name))
    }
    file = opened!
    try append(EventMessage.version(wallTime: time))
    try append(EventMessage.sessionStart(step: step, wallTime: time))
  }

  deinit { try? file.close() }

  /// - Throws: `TrainingError.unwritable`.
  func append(_ event: Data) throws {
    try writing(path) { try file.write(contentsOf: Self.record(event)) }
  }

  static func record(_ event: Data) -> Data {
    func bytes(_ value: some FixedWidthInteger) -> Data {
      withUnsafeBytes(of: value.littleEndian) { Data($0) }
    }
    let length = bytes(UInt64(event.count))
    return length + bytes(maskedChecksum(length)) + event + bytes(maskedChecksum(event))
  }

  /// CRC-32C, rotated and offset as TFRecord stores it.
  static func maskedChecksum(_ data: Data) -> UInt32 {
    let sum = ~data.reduce(~UInt32(0)) { sum, byte in
      table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ sum >> 8
    }
    return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
  }

  /// Remainders of all bytes by Castagnoli's polynomial, bits reversed.
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { sum, _ in sum >> 1 ^ (sum & 1) * 0x82F6_3B78 }
  }
}
