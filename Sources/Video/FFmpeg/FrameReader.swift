import Files
import Foundation
import Imaging

/// A decoded frame.
struct VideoFrame {
  /// RGB.
  let picture: FloatImage
  /// The alpha channel, if the video has one.
  let alpha: FloatImage?
  /// The presentation time, in units of the reader's time base from the beginning of the file.
  let time: Int64
}

/// Reads the frames of a video, upright and in RGB, through ffmpeg. ffmpeg's filter showinfo
/// reports the time of each frame before the frame itself.
final class FrameReader {
  let properties: VideoProperties
  private let process: ChildProcess
  private let log = FFmpegLog()
  private let times = FrameTimes()
  private var buffer: [UInt8]
  private(set) var frameCount = 0
  /// Whether any pixel so far was transparent.
  private(set) var sawTransparency = false

  init(_ properties: VideoProperties, _ tools: FFmpeg) throws {
    self.properties = properties
    let (p, colors) = (properties, properties.colors)
    let format =
      p.hasAlpha ? (p.isDeep ? "rgba64le" : "rgba") : p.isDeep ? "rgb48le" : "rgb24"
    var filters: [String] = []
    if p.isInterlaced { filters.append("bwdif=mode=send_frame:deint=interlaced") }
    filters += [
      "scale=\(p.width):\(p.height):flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
        + ":in_color_matrix=\(colors.scaleMatrix)", "format=\(format)", "showinfo=checksum=0",
    ]
    buffer = [UInt8](repeating: 0, count: p.width * p.height * p.channels * (p.isDeep ? 2 : 1))
    process = try tools.start(
      ["-i", FFmpeg.file(p.path), "-map", "0:\(p.index)", "-vf", filters.joined(separator: ",")]
        + ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", format, "pipe:1"],
      log, reads: true
    ) { [times] in times.read($0) }
  }

  /// The unit of the frames' times in seconds, once a frame has been read.
  var timeBase: VideoProperties.Ratio { times.timeBase }

  /// - Returns: nil after the last frame.
  /// - Throws: `VideoError` if ffmpeg fails.
  func next() throws -> VideoFrame? {
    guard try skip() else { return nil }
    let planes = planes()
    return VideoFrame(
      picture: planes.asRGB, alpha: properties.hasAlpha ? planes.channels(3..<4) : nil,
      time: times.time(of: frameCount - 1))
  }

  /// Skips a frame.
  /// - Returns: false after the last frame.
  func skip() throws -> Bool {
    let count = buffer.withUnsafeMutableBytes { process.read($0) }
    if count == buffer.count {
      frameCount += 1
      if properties.hasAlpha, !sawTransparency {
        // The upper byte of a little-endian 16-bit sample.
        let step = properties.isDeep ? 8 : 4
        sawTransparency = buffer.withUnsafeBufferPointer { bytes in
          stride(from: step - 1, to: bytes.count, by: step).contains { bytes[$0] != 255 }
        }
      }
      return true
    }
    let status = process.finish()
    times.end()
    // The decodable part of a damaged video is restored, and the damage reported. A decoder that
    // was killed says nothing about the video.
    guard status < 128 else { throw FFmpeg.failure(log, status, for: path) }
    guard frameCount > 0 else {
      throw VideoError(
        path, "no frame can be decoded (\(log.lastError ?? "the stream is empty"))")
    }
    return false
  }

  /// A warning about damage; nil if there was none.
  var warning: String? {
    log.lastError.map {
      "damaged: ffmpeg reports \(log.errorCount) errors, the last of them: \($0)"
    }
  }

  func stop() { process.stop() }

  private var path: String { properties.path }

  private func planes() -> FloatImage {
    let (width, height, channels) = (properties.width, properties.height, properties.channels)
    let area = width * height
    return FloatImage(width: width, height: height, channels: channels) { out in
      if properties.isDeep {
        buffer.withUnsafeBytes { bytes in
          for i in 0..<area {
            for c in 0..<channels {
              let at = 2 * (channels * i + c)
              let value = bytes.loadUnaligned(fromByteOffset: at, as: UInt16.self)
              out[c * area + i] = Float(UInt16(littleEndian: value)) / 65535
            }
          }
        }
      } else {
        buffer.withUnsafeBufferPointer { samples in
          for i in 0..<area {
            for c in 0..<channels { out[c * area + i] = Float(samples[channels * i + c]) / 255 }
          }
        }
      }
    }
  }
}

/// The times that showinfo reports: "[Parsed_showinfo_2 @ ...] [info] n:   4 pts:   2048 ...".
/// Unchecked: guarded by `condition`, which a `Mutex` cannot wait for.
private final class FrameTimes: @unchecked Sendable {
  private let condition = NSCondition()
  private var values: [Int64] = []
  private var base = VideoProperties.Ratio(1, 25)
  private var duration: Int64 = 1
  private var isAtEnd = false

  func read(_ line: String) {
    guard line.contains("showinfo") else { return }
    if let match = line.firstMatch(of: #/config in time_base: (\d+\/\d+), frame_rate: (\d+\/\d+)/#)
    {
      condition.withLock {
        base = VideoProperties.Ratio(String(match.1)) ?? base
        if let rate = VideoProperties.Ratio(String(match.2)) {
          duration = max(1, Int64((1 / (rate.value * base.value)).rounded()))
        }
      }
    }
    guard let match = line.firstMatch(of: #/ n: *\d+ pts: *(-?\d+|NOPTS)/#) else { return }
    condition.withLock {
      // Frames without a time follow at the frame rate; times always increase.
      let told = Int64(match.1)
      let last = values.last
      values.append(max(told ?? last.map { $0 + duration } ?? 0, last.map { $0 + 1 } ?? .min))
      condition.broadcast()
    }
  }

  var timeBase: VideoProperties.Ratio { condition.withLock { base } }

  func time(of frame: Int) -> Int64 {
    condition.withLock {
      while values.count <= frame, !isAtEnd { condition.wait() }
      return frame < values.count ? values[frame] : (values.last ?? 0) + duration
    }
  }

  func end() {
    condition.withLock {
      isAtEnd = true
      condition.broadcast()
    }
  }
}
