import Files
import Imaging

/// Rows of a picture in an unnamed temporary file, in 16 bit.
final class RowFile {
  private let width, channels: Int
  private let file: ScratchFile

  /// - Throws: `FileError` where the folder is not writable or has no room for the rows.
  init(in folder: String, width: Int, height: Int, channels: Int) throws {
    self.width = width
    self.channels = channels
    file = try ScratchFile(in: folder, reserving: width * height * channels * 2)
  }

  /// Appends rows with values in 0...1.
  func append(_ strip: FloatImage) throws {
    let area = strip.width * strip.height
    var samples = [UInt16](repeating: 0, count: area * channels)
    // Row by row with all channels of a row together, so that any rows can be read again.
    for y in 0..<strip.height {
      for c in 0..<channels {
        let (from, to) = ((c * strip.height + y) * width, (y * channels + c) * width)
        for x in 0..<width {
          let value = strip.values[from + x]
          samples[to + x] = UInt16(value > 0 ? min(value, 1) * 65535 + 0.5 : 0)
        }
      }
    }
    try samples.withUnsafeBytes { try file.append($0) }
  }

  /// Rows that were appended.
  func rows(_ rows: Range<Int>) throws -> FloatImage {
    let count = rows.count * channels * width
    var samples = [UInt16](repeating: 0, count: count)
    try samples.withUnsafeMutableBytes {
      try file.read($0, at: rows.lowerBound * channels * width * 2)
    }
    var planes = FloatImage(width: width, height: rows.count, channels: channels)
    for y in 0..<rows.count {
      for c in 0..<channels {
        let (to, from) = ((c * rows.count + y) * width, (y * channels + c) * width)
        for x in 0..<width { planes.values[to + x] = Float(samples[from + x]) / 65535 }
      }
    }
    return planes
  }
}
