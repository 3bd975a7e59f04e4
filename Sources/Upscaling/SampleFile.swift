import Foundation
import Imaging

/// Rows of a picture in an unnamed temporary file, in 16 bit, which disappears with the process at the
/// latest.
final class SampleFile {
  private let path: String
  private let width, channels: Int
  private let descriptor: Int32

  /// - Throws: `ImagingError` where the folder is not writable.
  init(in folder: String, width: Int, channels: Int) throws {
    let name = ".nsarm-\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).rows"
    path = (folder as NSString).appendingPathComponent(name)
    self.width = width
    self.channels = channels
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw ImagingError.unwritable(path: folder, reason: String(cString: strerror(errno)))
    }
    unlink(path)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Appends rows with values in 0...1.
  func append(_ strip: Planes) throws {
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
    try samples.withUnsafeBytes { bytes in
      var offset = 0
      while offset < bytes.count {
        let count = write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
          throw errno == ENOSPC
            ? ImagingError.diskFull(path: path)
            : ImagingError.unwritable(path: path, reason: String(cString: strerror(errno)))
        }
        offset += count
      }
    }
  }

  /// Rows that were appended.
  func rows(_ rows: Range<Int>) throws -> Planes {
    let count = rows.count * channels * width
    var samples = [UInt16](repeating: 0, count: count)
    try samples.withUnsafeMutableBytes { bytes in
      var offset = 0
      let start = rows.lowerBound * channels * width * 2
      while offset < bytes.count {
        let count = pread(
          descriptor, bytes.baseAddress! + offset, bytes.count - offset, off_t(start + offset))
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
          throw ImagingError.unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        offset += count
      }
    }
    var planes = Planes(width: width, height: rows.count, channels: channels)
    for y in 0..<rows.count {
      for c in 0..<channels {
        let (to, from) = ((c * rows.count + y) * width, (y * channels + c) * width)
        for x in 0..<width { planes.values[to + x] = Float(samples[from + x]) / 65535 }
      }
    }
    return planes
  }
}
