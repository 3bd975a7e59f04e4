import Files
import Foundation
import Imaging

/// Encodes consecutive frames into a file of their own, in the NUT format, which holds any codec
/// and exact times.
final class SegmentWriter {
  private let process: ChildProcess
  private let log = FFmpegLog()
  private let container: RawMatroska
  private let timeBase: VideoProperties.Ratio
  private let path: String
  /// The video, for error messages.
  private let output: String

  /// - Parameters:
  ///   - size: the size of the frames.
  ///   - properties: the input's properties, for the colours and the pixel format of the output.
  ///   - animation: the animated picture that the segments are made for; nil: they are copied into
  ///     a video.
  init(
    _ path: String, output: String, size: (width: Int, height: Int), _ encoding: VideoEncoding,
    _ properties: VideoProperties, animation: AnimatedPicture? = nil,
    timeBase: VideoProperties.Ratio, _ tools: FFmpeg
  ) throws {
    self.path = path
    self.output = output
    self.timeBase = timeBase
    container = RawMatroska(
      width: size.width, height: size.height, isDeep: properties.isDeep,
      hasAlpha: animation?.hasAlpha ?? false, frameRate: properties.frameRate)
    process = try tools.start(
      ["-f", "matroska", "-i", "pipe:0"]
        + ["-vf", animation?.segmentFilters ?? VideoEncoding.filters(properties)]
        + ["-fps_mode", "passthrough", "-enc_time_base", timeBase.description]
        + (animation?.segmentArguments ?? encoding.arguments(properties, for: output))
        + ["-avoid_negative_ts", "disabled", "-y", "-f", "nut", FFmpeg.file(path)], log,
      writes: true)
    try write(container.header)
  }

  /// - Parameters:
  ///   - picture: RGB in 0...1.
  ///   - alpha: alpha in 0...1, if the animation has it.
  ///   - time: the time since the video's first frame, in units of the time base.
  func append(_ picture: FloatImage, alpha: FloatImage? = nil, time: Int64) throws {
    var planes = picture
    if container.hasAlpha {
      let alpha =
        alpha?.values ?? Array(repeating: 1, count: picture.width * picture.height)
      planes = FloatImage(
        width: picture.width, height: picture.height, channels: 4, values: picture.values + alpha)
    }
    let image = Image(planes, bitDepth: container.isDeep ? 16 : 8)
    let nanoseconds = (Double(time) * timeBase.value * 1e9).rounded()
    func write(_ samples: [some FixedWidthInteger]) throws {
      try samples.withUnsafeBytes { bytes in
        try self.write(
          container.frameHeader(nanoseconds: Int64(nanoseconds), size: bytes.count))
        try self.write(bytes)
      }
    }
    switch image.samples {
    case .u8(let samples): try write(samples)
    case .u16(let samples): try write(samples.map(\.littleEndian))
    }
  }

  /// Completes the file.
  func finish() throws {
    let status = process.finish()
    if status != 0 { throw FFmpeg.failure(log, status, for: output) }
  }

  /// Kills the encoder and removes the file.
  func cancel() {
    process.stop()
    unlink(path)
  }

  private func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

  private func write(_ bytes: UnsafeRawBufferPointer) throws {
    do {
      try process.write(bytes)
    } catch is ChildProcess.InputClosed {
      let status = process.finish()
      throw FFmpeg.failure(log, status, for: output)
    }
  }
}
