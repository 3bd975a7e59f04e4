import Imaging
import Torch

/// Random windows of real pairs and, where the folder has them, of a teacher's pictures, with the
/// same window and orientation for each. Windows begin at whole low-quality pixels; pictures are
/// not degraded, shrunk or sharpened.
public final class PairDataset: TrainingSource {
  public let settings: DataSettings
  public let scale: Int
  public let seed: UInt64
  private let library: PairLibrary
  private let choose: WeightedChoice
  private let texts: PictureCaptions

  public var count: Int { library.entries.count }
  public var fingerprint: UInt64 { texts.fingerprint(library.fingerprint) }
  public var captions: Set<String> { texts.all }
  public var pixels: Int { library.entries.reduce(0) { $0 + $1.area } }
  public var hasTeacher: Bool { library.hasTeacher }

  /// - Parameters:
  ///   - folder: holds `lr` and `hr`, and may hold `teacher`.
  ///   - scale: the factor by which the pictures in `lr` are smaller; it divides the crop.
  ///   - warn: called with one line per skipped pair, from any thread.
  /// - Throws: `TrainingError` where a picture has no counterpart or the wrong size, or where the
  ///   folder has no usable pairs.
  public init(
    folder: String, settings: DataSettings, scale: Int, seed: UInt64,
    warn: @escaping @Sendable (String) -> Void
  ) throws {
    guard let pairs = try PairFolder(folder) else {
      throw TrainingError.pairs(
        path: folder, problem: "holds no pairs; they are expected in folders 'lr' and 'hr'")
    }
    self.settings = settings
    self.scale = scale
    self.seed = seed
    library = try PairLibrary(
      pairs, scale: scale, smallest: settings.crop, budget: settings.cacheMebibytes << 20,
      warn: warn)
    choose = WeightedChoice(library.entries.map { Double($0.area) })
    texts = try library.captions(settings, warn: warn)
  }

  public func pair(_ index: Int) throws -> TrainingPair {
    let crop = settings.crop
    let key = RandomStream.key(seed, UInt64(index))
    var random = RandomStream(key)
    var (entry, pair) = try settings.accepted({ $0.crop.highQuality }) { try drawn(&random) }
    if settings.flips { pair = pair.oriented(crop, scale: scale, Int(random.next() & 7)) }
    return pair.trainingPair(
      scale: scale, height: crop, width: crop, seed: key, caption: texts(entry, seed: key))
  }

  /// A random pair and a random window of it.
  private func drawn(_ random: inout RandomStream) throws -> (entry: Int, crop: PairCrop) {
    let side = settings.crop / scale
    while true {
      let index = choose(random.uniform())
      let low = library.lowQuality(index)
      let x = random.index(low.width - side + 1)
      let y = random.index(low.height - side + 1)
      if let crop = library.crop(index, PixelRect(x: x, y: y, width: side, height: side)) {
        return (index, crop)
      }
      if library.isExhausted {
        throw TrainingError.noPhotos(folder: library.folder, reason: "every pair in it is damaged")
      }
    }
  }
}
