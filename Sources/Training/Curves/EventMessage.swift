import Foundation

/// The messages of TensorBoard's event files, as far as a run writes them, in the encoding of
/// protocol buffers: `Event` of tensorflow/core/util/event.proto with `Summary` of summary.proto.
enum EventMessage {
  /// The first event of a file: the version of its format.
  static func version(wallTime: Double) -> Data {
    event(wallTime, step: 0) { $0.field(3, Data("brain.Event:2".utf8)) }
  }

  /// The start of a session at `step`: values of earlier files from that step on are void.
  static func sessionStart(step: Int, wallTime: Double) -> Data {
    event(wallTime, step: step) { message in
      message.field(7) { $0.field(1, 1) }
    }
  }

  /// Values of an update, by tag.
  static func scalars(_ values: [(tag: String, value: Double)], step: Int, wallTime: Double) -> Data
  {
    event(wallTime, step: step) { message in
      message.field(5) { summary in
        for (tag, value) in values {
          summary.field(1) {
            $0.field(1, Data(tag.utf8))
            $0.field(2, Float(value))
          }
        }
      }
    }
  }

  /// A picture file (JPEG or PNG) of `width` x `height` pixels in RGB.
  static func image(
    _ file: Data, tag: String, width: Int, height: Int, step: Int, wallTime: Double
  ) -> Data {
    event(wallTime, step: step) { message in
      message.field(5) { summary in
        summary.field(1) { value in
          value.field(1, Data(tag.utf8))
          value.field(4) {
            $0.field(1, height)
            $0.field(2, width)
            $0.field(3, 3)
            $0.field(4, file)
          }
        }
      }
    }
  }

  private static func event(
    _ wallTime: Double, step: Int, _ body: (inout ProtocolBuffer) -> Void
  ) -> Data {
    var message = ProtocolBuffer()
    message.field(1, wallTime)
    if step != 0 { message.field(2, step) }
    body(&message)
    return message.data
  }
}

/// The encoding of a message: its fields with their numbers and wire types, one after the other.
private struct ProtocolBuffer {
  private(set) var data = Data()

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      data.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    data.append(UInt8(rest))
  }

  private mutating func key(_ number: Int, _ wireType: Int) {
    varint(UInt64(number << 3 | wireType))
  }

  mutating func field(_ number: Int, _ value: Int) {
    key(number, 0)
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func field(_ number: Int, _ value: Double) {
    key(number, 1)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
  }

  mutating func field(_ number: Int, _ value: Float) {
    key(number, 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
  }

  mutating func field(_ number: Int, _ bytes: Data) {
    key(number, 2)
    varint(UInt64(bytes.count))
    data.append(bytes)
  }

  mutating func field(_ number: Int, _ body: (inout ProtocolBuffer) -> Void) {
    var message = ProtocolBuffer()
    body(&message)
    field(number, message.data)
  }
}
