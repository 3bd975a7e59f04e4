import Foundation

/// Measures the flicker of videos against a reference with the same frames that is known to be
/// steady.
///
/// # Shapes
/// Frames are planes of luma in 0...1, row by row, all of one size.
public struct FlickerMeter {
  /// The measures of a video.
  public struct Result: Equatable, Sendable {
    /// The PSNR of luma, the mean over frames in decibels; infinite for the reference itself.
    public let peakSignalToNoise: Double
    /// The mean absolute difference of luma, in levels of 255, between a frame and the
    /// motion-compensated one before it, over the pixels that match in the reference; nil if none
    /// match.
    public let flicker: Double?
    /// The standard deviation of luma over a window of frames, in levels of 255: the root mean
    /// square over the pixels that stay the same in the reference; nil if none do.
    public let stillDeviation: Double?
  }

  /// Moves a plane of the previous frame to where its content is in the current one.
  public typealias MotionCompensation = ([Float]) -> [Float]

  /// The largest difference of luma in the reference that counts as equal: one level and rounding.
  private static let tolerance: Float = 1.5 / 255

  /// The number of frames in a window.
  private static let window = 25

  /// The number of frames so far.
  public private(set) var frameCount = 0

  private let motion: (_ frame: [Float], _ previous: [Float]) -> MotionCompensation
  private var previous: (reference: [Float], videos: [[Float]])?
  private var first: [Float] = []
  private var isStill: [Bool] = []
  private var psnr: [Double]
  private var changes: [(sum: Double, count: Int)]
  /// For each pixel, the sums over the window of the value and of its square, less the first value.
  private var sums: [[(first: Float, sum: Double, square: Double)]]
  /// The sums over all windows of the variances of steady pixels.
  private var variances: [(sum: Double, count: Int)]

  /// - Parameters:
  ///   - videoCount: the number of videos besides the reference.
  ///   - motion: estimates the motion between two frames of the reference.
  public init(
    videoCount: Int,
    motion: @escaping (_ frame: [Float], _ previous: [Float]) -> MotionCompensation
  ) {
    self.motion = motion
    psnr = Array(repeating: 0, count: videoCount)
    changes = Array(repeating: (0, 0), count: videoCount)
    sums = Array(repeating: [], count: videoCount)
    variances = Array(repeating: (0, 0), count: videoCount)
  }

  /// Adds the next frame of the reference and of every video.
  public mutating func add(_ reference: [Float], _ videos: [[Float]]) {
    if frameCount % Self.window == 0 {
      first = reference
      isStill = Array(repeating: true, count: reference.count)
      for (v, video) in videos.enumerated() { sums[v] = video.map { ($0, 0, 0) } }
    }
    for i in isStill.indices {
      isStill[i] = isStill[i] && abs(reference[i] - first[i]) <= Self.tolerance
    }
    for (v, video) in videos.enumerated() {
      var squares = 0.0
      for i in isStill.indices {
        let error = Double(video[i] - reference[i])
        squares += error * error
        let change = Double(video[i] - sums[v][i].first)
        sums[v][i].sum += change
        sums[v][i].square += change * change
      }
      psnr[v] += -10 * log10(squares / Double(isStill.count))
    }
    compare(reference, videos)
    previous = (reference, videos)
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

  private mutating func compare(_ reference: [Float], _ videos: [[Float]]) {
    guard let previous else { return }
    let compensated = motion(reference, previous.reference)
    let moved = compensated(previous.reference)
    let matches = zip(reference, moved).map { abs($0 - $1) <= Self.tolerance }
    for (v, video) in videos.enumerated() {
      let before = compensated(previous.videos[v])
      for i in matches.indices where matches[i] {
        changes[v].sum += Double(abs(video[i] - before[i]))
        changes[v].count += 1
      }
    }
  }

  /// The measures of the videos over the frames so far.
  public var results: [Result] {
    psnr.indices.map { v in
      let ((variance, count), (sum, pixels)) = (variances[v], changes[v])
      return Result(
        peakSignalToNoise: psnr[v] / Double(frameCount),
        flicker: pixels > 0 ? 255 * sum / Double(pixels) : nil,
        stillDeviation: count > 0 ? 255 * (variance / Double(count)).squareRoot() : nil)
    }
  }
}
