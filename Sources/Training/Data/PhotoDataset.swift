import Foundation
import Imaging
import Torch

/// Random crops of the photos of a folder with their degraded versions.
public final class PhotoDataset: TrainingSource {
  public let settings: DataSettings
  public let scale: Int
  public let seed: UInt64
  private let library: PhotoLibrary
  private let degrader: Degrader
  private let choose: WeightedChoice
  private let texts: PictureCaptions

  public var count: Int { library.entries.count }
  public var fingerprint: UInt64 { texts.fingerprint(library.fingerprint) }
  public var captions: Set<String> { texts.all }
  public var pixels: Int { library.entries.reduce(0) { $0 + $1.area } }
  public var hasTeacher: Bool { degrader.hasTeacher }

  /// - Parameters:
  ///   - scale: the factor by which the degraded pictures are smaller; it divides the crop.
  ///   - warn: called with one line per skipped file, from any thread.
  /// - Throws: `TrainingError` where the folder has no usable photos.
  public init(
    folder: String, settings: DataSettings, scale: Int, seed: UInt64,
    warn: @escaping @Sendable (String) -> Void
  ) throws {
    self.settings = settings
    self.scale = scale
    self.seed = seed
    library = try PhotoLibrary(
      folder: folder, smallest: settings.crop, budget: settings.cacheMebibytes << 20, warn: warn)
    degrader = Degrader(settings, scale: scale)
    choose = WeightedChoice(library.entries.map { Double($0.area) })
    texts = try PictureCaptions(settings, library, warn: warn)
  }

  /// - Throws: `TrainingError.noPhotos` where every photo is damaged.
  public func pair(_ index: Int) throws -> TrainingPair {
    let crop = settings.crop
    let key = RandomStream.key(seed, UInt64(index))
    var random = RandomStream(key)
    var (entry, planes) = try settings.accepted({ $0.planes }) { try drawn(&random) }
    if settings.flips { planes = oriented(planes, crop, Int(random.next() & 7)) }
    let picture = FloatImage(width: crop, height: crop, channels: 3, values: planes)
    let target = settings.sharpenedTarget ? degrader.sharpened(picture) : picture
    let (low, teacher) = degrader(picture, seed: key)
    return TrainingPair(
      scale: scale, highQuality: signed(target.values), lowQuality: signed(low.values),
      teacher: teacher.map { signed($0.values) }, height: crop, width: crop, seed: key,
      caption: texts(entry, seed: key))
  }

  /// A random photo and a random crop of it, planar in 0...1.
  private func drawn(_ random: inout RandomStream) throws -> (entry: Int, planes: [Float]) {
    let crop = settings.crop
    while true {
      let entry = choose(random.uniform())
      let photo = library.entries[entry]
      let smallest = max(
        settings.rescaleRange[0], Double(crop) / Double(min(photo.width, photo.height)))
      let chance = random.uniform()
      let drawn = random.uniform(settings.rescaleRange[0], settings.rescaleRange[1])
      let scale = chance < settings.rescaleProbability ? min(max(drawn, smallest), 1) : 1
      let side = min(Int((Double(crop) / scale).rounded()), photo.width, photo.height)
      let x = random.index(photo.width - side + 1)
      let y = random.index(photo.height - side + 1)
      guard let image = library.photo(entry) else {
        if library.isExhausted {
          throw TrainingError.noPhotos(
            folder: library.folder, reason: "every picture in it is damaged")
        }
        continue
      }
      let planes = image.planes(PixelRect(x: x, y: y, width: side, height: side))
      if side == crop { return (entry, planes.values) }
      let shrunk = planes.resized(toWidth: crop, height: crop, .bicubic).values
      return (entry, shrunk.map { min(max($0, 0), 1) })
    }
  }
}
