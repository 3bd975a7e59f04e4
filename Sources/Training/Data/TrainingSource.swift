import Torch

/// Where the samples of a run come from. Sample `i` depends on the pictures, the settings, the seed
/// and `i` only, whatever thread asks for it and when, so that a resumed run goes on with the
/// samples it would have had.
public protocol TrainingSource: Sendable {
  /// The photos, or pairs, that are used.
  var count: Int { get }
  /// The pixels of their high-quality pictures.
  var pixels: Int { get }
  /// Whether samples have a teacher's picture: all of a source have one, or none.
  var hasTeacher: Bool { get }
  /// The captions that samples may have.
  var captions: Set<String> { get }
  /// Of the pictures' names, sizes and captions and of how often they are drawn: where it differs,
  /// samples differ.
  var fingerprint: UInt64 { get }
  /// - Throws: `TrainingError.noPhotos` where every picture turned out to be damaged.
  func pair(_ index: Int) throws -> TrainingPair
}

extension TrainingSource {
  public var captions: Set<String> { [] }
}

/// One training pair on the host.
public struct TrainingPair: Sendable {
  /// The low-quality picture is smaller by this factor.
  public let scale: Int
  /// `[3, height, width]` and `[3, height / scale, width / scale]`, in -1...1.
  public let highQuality, lowQuality: [Float]
  /// What another method made of the low-quality picture, or is to be made of it, as `highQuality`.
  public let teacher: [Float]?
  public let height, width: Int
  /// For noise that depends on the sample only.
  public let seed: UInt64
  /// What the picture shows, where that is known.
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
  /// Samples of one size, in order; all with a teacher, or none.
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
