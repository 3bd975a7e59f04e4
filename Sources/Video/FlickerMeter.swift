import Foundation
import Imaging

/// How much videos of the same frames flicker, measured where their original is known to be steady.
public struct FlickerMeter {
  /// What is measured of a video.
  public struct Result: Equatable, Sendable {
    /// Of luma, the mean over frames in decibels; infinite for the original itself.
    public let peakSignalToNoise: Double
    /// The mean absolute difference of luma between a frame and the one before it, motion
    /// compensated, where the original's match, in levels of 255; nil where nothing matches.
    public let flicker: Double?
    /// The standard deviation of luma over a window of frames, in levels of 255: root mean square
    /// over the pixels that do not change in the original all the while; nil where all change.
    public let stillDeviation: Double?
  }

  /// How far luma of an original may differ and count as equal: one level and rounding.
  private static let tolerance: Float = 1.5 / 255

  /// Frames of the windows over which deviations are taken.
  private static let window = 25

  private var previous: (original: Luma, videos: [Luma])?
  private var first: Luma?
  private var isStill: [Bool] = []
  private var frameCount = 0
  private var psnr: [Double]
  private var changes: [(sum: Double, count: Int)]
  /// Sums over the window of each pixel and of its square, less the first value.
  private var sums: [[(first: Float, sum: Double, square: Double)]]
  /// Sums over windows of the variances of steady pixels.
  private var variances: [(sum: Double, count: Int)]

  /// - Parameter count: of videos beside the original.
  init(_ count: Int) {
    psnr = Array(repeating: 0, count: count)
    changes = Array(repeating: (0, 0), count: count)
    sums = Array(repeating: [], count: count)
    variances = Array(repeating: (0, 0), count: count)
  }

  /// Takes the next frame of the original and of every video, of one size.
  mutating func add(_ original: Luma, _ videos: [Luma]) {
    if frameCount % Self.window == 0 {
      first = original
      isStill = Array(repeating: true, count: original.values.count)
      for (v, video) in videos.enumerated() { sums[v] = video.values.map { ($0, 0, 0) } }
    }
    for i in isStill.indices {
      isStill[i] = isStill[i] && abs(original.values[i] - first!.values[i]) <= Self.tolerance
    }
    for (v, video) in videos.enumerated() {
      var squares = 0.0
      for i in isStill.indices {
        let error = Double(video.values[i] - original.values[i])
        squares += error * error
        let change = Double(video.values[i] - sums[v][i].first)
        sums[v][i].sum += change
        sums[v][i].square += change * change
      }
      psnr[v] += -10 * log10(squares / Double(isStill.count))
    }
    compare(original, videos)
    previous = (original, videos)
    frameCount += 1
    if frameCount % Self.window == 0 { endWindow() }
  }

  private mutating func endWindow() {
    let length = Double(Self.window)
    for v in sums.indices {
      for i in isStill.indices where isStill[i] {
        let mean = sums[v][i].sum / length
        variances[v].sum += max(0, sums[v][i].square / length - mean * mean)
        variances[v].count += 1
      }
    }
  }

  private mutating func compare(_ original: Luma, _ videos: [Luma]) {
    guard let previous else { return }
    let (width, height) = (original.width, original.height)
    var matching = BlockMatching()
    matching.side = 8
    let field = matching(original, previous.original)
    let moved = field.moved(previous.original.values, width: width, height: height)
    let matches = zip(original.values, moved).map { abs($0 - $1) <= Self.tolerance }
    for (v, video) in videos.enumerated() {
      let before = field.moved(previous.videos[v].values, width: width, height: height)
      for i in matches.indices where matches[i] {
        changes[v].sum += Double(abs(video.values[i] - before[i]))
        changes[v].count += 1
      }
    }
  }

  var results: [Result] {
    psnr.indices.map { v in
      let ((variance, count), (sum, pixels)) = (variances[v], changes[v])
      return Result(
        peakSignalToNoise: psnr[v] / Double(frameCount),
        flicker: pixels > 0 ? 255 * sum / Double(pixels) : nil,
        stillDeviation: count > 0 ? 255 * (variance / Double(count)).squareRoot() : nil)
    }
  }

  /// Measures the first video, which is the original, and the others.
  ///
  /// - Parameter progress: called with the share that is done; an error thrown here stops the work.
  /// - Throws: `VideoError` where a video has other frames than the original.
  public static func measure(
    _ videos: [VideoProperties], _ tools: FFmpeg, progress: (Double) throws -> Void
  ) throws -> [Result] {
    let readers = try videos.map { try FrameReader($0, tools) }
    defer { for reader in readers { reader.stop() } }
    let (width, height) = (videos[0].width, videos[0].height)
    var meter = FlickerMeter(videos.count)
    while let original = try readers[0].next() {
      let frames =
        try [original]
        + readers.dropFirst().map { reader in
          guard let frame = try reader.next() else {
            throw VideoError(
              reader.properties.path,
              "has \(reader.frameCount) frames only, fewer than \(videos[0].path)")
          }
          return frame
        }
      let lumas = frames.map { frame in
        let picture = frame.picture
        return Luma(
          picture.width == width && picture.height == height
            ? picture : picture.resized(toWidth: width, height: height, .bicubic))
      }
      meter.add(lumas[0], lumas)
      try progress(Double(meter.frameCount) / Double(max(videos[0].frameCount, meter.frameCount)))
    }
    for reader in readers.dropFirst() where try reader.skip() {
      throw VideoError(reader.properties.path, "has more frames than \(videos[0].path)")
    }
    return meter.results
  }
}
