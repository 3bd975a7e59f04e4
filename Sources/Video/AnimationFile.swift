import Files
import Foundation

/// Properties of animated pictures that ffmpeg does not report.
enum AnimationFile {
  /// The number of times an animated GIF, PNG or WebP is played; 0: endlessly, nil: not animated.
  static func plays(_ path: String) -> Int? {
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? file.close() }
    guard let data = try? file.read(upToCount: 1 << 20) else { return nil }
    return plays([UInt8](data))
  }

  /// - Parameter bytes: the beginning of a file.
  static func plays(_ bytes: [UInt8]) -> Int? {
    let reader = Bytes(bytes)
    if reader.has("GIF8", at: 0) { return reader.playsOfGIF }
    if reader.has("\u{89}PNG", at: 0) { return reader.playsOfPNG }
    return reader.playsOfWebP
  }

  /// Whether a file is a WebP with several frames.
  static func isAnimatedWebP(_ path: String) -> Bool {
    guard let file = FileHandle(forReadingAtPath: path) else { return false }
    defer { try? file.close() }
    return (try? file.read(upToCount: 1 << 20)).flatMap { Bytes([UInt8]($0)).playsOfWebP } != nil
  }

  /// Sets the duration of an animated WebP's last frame, so that it lasts until the end of the
  /// animation: encoders use the mean of the others. A WebP of one frame has no durations.
  /// - Throws: `FileError` if the file cannot be changed.
  static func setDuration(milliseconds: Int, ofWebP path: String) throws {
    var data = try Data(contentsOf: URL(fileURLWithPath: path))
    let frames = Bytes([UInt8](data)).chunks(from: 12, littleEndian: true).filter {
      $0.name == "ANMF" && $0.body.count >= 16
    }
    guard let last = frames.last else { return }
    func duration(_ body: Range<Int>) -> Int {
      (0..<3).reduce(0) { $0 | Int(data[body.lowerBound + 12 + $1]) << (8 * $1) }
    }
    let before = frames.dropLast().reduce(0) { $0 + duration($1.body) }
    let rest = min(max(1, milliseconds - before), 0xFF_FFFF)
    guard rest != duration(last.body) else { return }
    for i in 0..<3 { data[last.body.lowerBound + 12 + i] = UInt8(rest >> (8 * i) & 0xFF) }
    try AtomicFile.write(data, to: path)
  }

  /// The bytes of a file, or of its beginning.
  private struct Bytes {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func has(_ text: String, at offset: Int) -> Bool {
      let wanted = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
      return offset + wanted.count <= bytes.count
        && bytes[offset..<offset + wanted.count].elementsEqual(wanted)
    }

    /// The little-endian number in `range`; nil if the data ends before it.
    private func number(_ range: Range<Int>, littleEndian: Bool) -> Int? {
      guard range.upperBound <= bytes.count else { return nil }
      let digits = littleEndian ? Array(bytes[range].reversed()) : Array(bytes[range])
      return digits.reduce(0) { $0 << 8 | Int($1) }
    }

    /// The chunks of a PNG or a RIFF file, with the ranges of their contents.
    func chunks(from start: Int, littleEndian: Bool) -> [(name: String, body: Range<Int>)] {
      var result: [(String, Range<Int>)] = []
      var at = start
      while at + 8 <= bytes.count {
        let size = number(
          littleEndian ? at + 4..<at + 8 : at..<at + 4, littleEndian: littleEndian)!
        let name = String(decoding: bytes[(littleEndian ? at : at + 4)...].prefix(4), as: UTF8.self)
        result.append((name, at + 8..<min(at + 8 + size, bytes.count)))
        // Chunks of RIFF are padded to even sizes; those of PNG are followed by a checksum.
        at += 8 + size + (littleEndian ? size % 2 : 4)
      }
      return result
    }

    /// The number of repetitions in the extension "NETSCAPE2.0" before the first frame.
    var playsOfGIF: Int {
      guard bytes.count > 13 else { return 1 }
      let flags = Int(bytes[10])
      var at = 13 + (flags & 0x80 != 0 ? 3 << ((flags & 7) + 1) : 0)
      while at + 1 < bytes.count, bytes[at] == 0x21 {
        let isLoop = bytes[at + 1] == 0xFF && has("NETSCAPE2.0", at: at + 3)
        at += 2
        if isLoop, at + 16 <= bytes.count, bytes[at + 13] == 1,
          let repeats = number(at + 14..<at + 16, littleEndian: true)
        {
          return repeats == 0 ? 0 : repeats + 1
        }
        while at < bytes.count, bytes[at] != 0 { at += 1 + Int(bytes[at]) }
        at += 1
      }
      return 1
    }

    /// The number in the chunk "acTL" before the pixels.
    var playsOfPNG: Int? {
      for (name, body) in chunks(from: 8, littleEndian: false) {
        if name == "acTL" {
          return number(body.lowerBound + 4..<body.lowerBound + 8, littleEndian: false)
        }
        if name == "IDAT" { break }
      }
      return nil
    }

    /// The number in the chunk "ANIM", which the flags of "VP8X" announce.
    var playsOfWebP: Int? {
      guard has("RIFF", at: 0), has("WEBPVP8X", at: 8), bytes.count > 20, bytes[20] & 2 != 0
      else { return nil }
      let header = chunks(from: 12, littleEndian: true).first { $0.name == "ANIM" }
      return header.flatMap {
        number($0.body.lowerBound + 4..<$0.body.lowerBound + 6, littleEndian: true)
      } ?? 0
    }
  }
}
