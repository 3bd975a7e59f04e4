import Foundation

/// Uncompressed frames with their times as a Matroska stream (RFC 9559), which ffmpeg reads from a
/// pipe; a stream of raw frames has no times. Times are in nanoseconds.
struct RawMatroska {
  let width, height: Int
  let isDeep: Bool
  var hasAlpha = false
  /// The nominal frame rate for the encoder; each frame has its own time.
  let frameRate: VideoProperties.Ratio

  /// The bytes before the first frame.
  var header: [UInt8] {
    let ebml = element(
      [0x1A, 0x45, 0xDF, 0xA3],
      number([0x42, 0x86], 1) + number([0x42, 0xF7], 1) + number([0x42, 0xF2], 4)
        + number([0x42, 0xF3], 8) + element([0x42, 0x82], Array("matroska".utf8))
        + number([0x42, 0x87], 4) + number([0x42, 0x85], 2))
    let timestampScale = number([0x2A, 0xD7, 0xB1], 1)
    let application = Array("nsarm".utf8)
    let info = element(
      [0x15, 0x49, 0xA9, 0x66],
      timestampScale + element([0x4D, 0x80], application) + element([0x57, 0x41], application))
    // RGB of 24 or 48 bits per pixel; with alpha, of 32 or 64.
    let fourCC: [UInt8] =
      hasAlpha
      ? Array((isDeep ? "RBA@" : "RGBA").utf8) : Array("RGB".utf8) + [isDeep ? 48 : 24]
    let video = element(
      [0xE0],
      number([0xB0], width) + number([0xBA], height) + element([0x2E, 0xB5, 0x24], fourCC))
    let track = element(
      [0xAE],
      number([0xD7], 1) + number([0x73, 0xC5], 1) + number([0x83], 1) + number([0x9C], 0)
        + number([0x23, 0xE3, 0x83], Int((1e9 / frameRate.value).rounded()))
        + element([0x86], Array("V_UNCOMPRESSED".utf8)) + video)
    // A segment of unknown size.
    return ebml + [0x18, 0x53, 0x80, 0x67, 0x01] + [UInt8](repeating: 0xFF, count: 7) + info
      + element([0x16, 0x54, 0xAE, 0x6B], track)
  }

  /// The bytes before the samples of a frame: a cluster with a block.
  /// - Parameter size: the size of the samples in bytes.
  func frameHeader(nanoseconds: Int64, size: Int) -> [UInt8] {
    let time = number([0xE7], Int(nanoseconds))
    let block: [UInt8] = [0x81, 0, 0, 0x80]  // track 1, the cluster's time, a key frame
    let blockHeader = [0xA3] + length(block.count + size) + block
    return [0x1F, 0x43, 0xB6, 0x75] + length(time.count + blockHeader.count + size) + time
      + blockHeader
  }

  private func element(_ id: [UInt8], _ data: [UInt8]) -> [UInt8] { id + length(data.count) + data }

  private func number(_ id: [UInt8], _ value: Int) -> [UInt8] { element(id, bigEndian(value)) }

  /// A length in the eight-byte form.
  private func length(_ count: Int) -> [UInt8] { [0x01] + bigEndian(count).dropFirst() }

  private func bigEndian(_ value: Int) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
  }
}
