import Torch

/// A source of training samples. Sample `i` depends only on the pictures, the settings, the seed
/// and `i`, so that a resumed run gets the same samples as an uninterrupted one.
public protocol TrainingSource: Sendable {
  /// The number of photos or pairs.
  var count: Int { get }
  /// The total number of pixels of the high-quality pictures.
  var pixels: Int { get }
  /// Whether samples have a teacher's picture; either all samples of a source have one, or none.
  var hasTeacher: Bool { get }
  /// All captions that samples may have.
  var captions: Set<String> { get }
  /// A fingerprint of the pictures' names, sizes, captions and sampling weights; where it differs,
  /// the samples differ.
  var fingerprint: UInt64 { get }
  /// - Throws: `TrainingError.noPhotos` where every picture is damaged.
  func pair(_ index: Int) throws -> TrainingPair
}

extension TrainingSource {
  public var captions: Set<String> { [] }
}

/// One training pair in host memory.
public struct TrainingPair: Sendable {
  /// The factor by which the low-quality picture is smaller.
  public let scale: Int
  /// `[3, height, width]` and `[3, height / scale, width / scale]`, in -1...1.
  public let highQuality, lowQuality: [Float]
  /// The teacher's picture: another method's restoration of the low-quality picture, or another
  /// target; laid out as `highQuality`.
  public let teacher: [Float]?
  public let height, width: Int
  /// The seed of noise that depends only on the sample.
  public let seed: UInt64
  /// The picture's caption, where there is one.
  public let caption: SampleCaption?

  public init(
    scale: Int, highQuality: [Float], lowQuality: [Float], teacher: [Float]? = nil, height: Int,
    width: Int, seed: UInt64, caption: SampleCaption? = nil
  ) {
    let area = height * width
    precondition(
      highQuality.count == 3 * area && teacher.map { $0.count == 3 * area } ?? true
        && lowQuality.count == 3 * (height / scale) * (width / scale),
      "values do not fill the pictures")
    (self.highQuality, self.lowQuality, self.teacher) = (highQuality, lowQuality, teacher)
    (self.scale, self.height, self.width, self.seed) = (scale, height, width, seed)
    self.caption = caption
  }
}

extension TrainingBatch {
  /// Stacks samples of one size, all with a teacher or none.
  init(_ samples: [TrainingPair]) {
    let (height, width, scale) = (samples[0].height, samples[0].width, samples[0].scale)
    func stacked(_ shape: [Int], _ planes: (TrainingPair) -> [Float]) -> Tensor {
      let result = Tensor.empty([samples.count] + shape)
      result.withMutableBytes { bytes in
        var offset = 0
        for sample in samples {
          planes(sample).withUnsafeBytes { source in
            bytes.baseAddress!.advanced(by: offset)
              .copyMemory(from: source.baseAddress!, byteCount: source.count)
            offset += source.count
          }
        }
      }
      return result
    }
    let high = [3, height, width]
    self.init(
      highQuality: stacked(high, \.highQuality),
      lowQuality: stacked([3, height / scale, width / scale], \.lowQuality),
      teacher: samples[0].teacher.map { _ in stacked(high) { $0.teacher! } },
      seeds: samples.map(\.seed), captions: samples.map(\.caption))
  }
}
