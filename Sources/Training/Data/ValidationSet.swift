import Foundation
import Imaging
import Torch

/// Centre crops of a folder's pictures, degraded with fixed seeds, or of its real pairs, unchanged.
/// The pairs are the same at every validation of every run with the same settings.
public final class ValidationSet {
  private struct Entry {
    let file: String
    let pair: TrainingPair
  }

  private let groups: [[Entry]]

  /// The batches, each with samples of one size, in the order of the files' names.
  public var batches: [TrainingBatch] { groups.map { TrainingBatch($0.map(\.pair)) } }
  /// The captions of the pictures.
  var captions: Set<String> {
    Set(groups.flatMap { $0 }.compactMap { $0.pair.caption?.text })
  }
  /// The number of pictures.
  public var count: Int { groups.reduce(0) { $0 + $1.count } }

  /// - Parameter scale: the factor by which low-quality pictures are smaller.
  /// - Throws: `TrainingError` where the folder has no usable pictures, or pairs that do not match.
  public init(
    folder: String, settings: DataSettings, scale: Int, warn: @escaping @Sendable (String) -> Void
  ) throws {
    let entries =
      try PairFolder(folder).map { try Self.pairs($0, settings, scale, warn) }
      ?? Self.photos(folder, settings, scale, warn)
    guard !entries.isEmpty else {
      throw TrainingError.noPhotos(folder: folder, reason: "every picture in it is damaged")
    }
    var groups: [[Entry]] = []
    for entry in entries {
      if let last = groups.last, last.count < settings.validationBatch,
        last[0].pair.height == entry.pair.height, last[0].pair.width == entry.pair.width
      {
        groups[groups.count - 1].append(entry)
      } else {
        groups.append([entry])
      }
    }
    self.groups = groups
  }

  /// Checks that the stage can validate with every picture.
  /// - Parameter problem: returns the problem with pictures of a size; nil for none.
  /// - Throws: `TrainingError.validation`, naming the first unsuitable picture.
  func check(_ problem: (_ height: Int, _ width: Int) -> String?) throws {
    for entry in groups.compactMap(\.first) {
      guard let problem = problem(entry.pair.height, entry.pair.width) else { continue }
      throw TrainingError.validation(
        path: entry.file, size: "\(entry.pair.width)x\(entry.pair.height)", problem: problem)
    }
  }

  private static func photos(
    _ folder: String, _ settings: DataSettings, _ scale: Int,
    _ warn: @escaping @Sendable (String) -> Void
  ) throws -> [Entry] {
    let library = try PhotoLibrary(
      folder: folder, smallest: max(16, scale), budget: 0, warn: warn)
    let degrader = Degrader(settings, scale: scale)
    let texts = try PictureCaptions(settings, library, warn: warn)
    return entries(library.entries, settings) { index, seed in
      guard let image = library.photo(index) else { return nil }
      let crop = image.rect.centre(settings.validationCrop, multipleOf: scale)
      let picture = image.planes(crop)
      let (low, teacher) = degrader(picture, seed: seed)
      return TrainingPair(
        scale: scale, highQuality: signed(picture.values), lowQuality: signed(low.values),
        teacher: teacher.map { signed($0.values) }, height: crop.height, width: crop.width,
        seed: seed, caption: texts.whole(index))
    }
  }

  private static func pairs(
    _ folder: PairFolder, _ settings: DataSettings, _ scale: Int,
    _ warn: @escaping @Sendable (String) -> Void
  ) throws -> [Entry] {
    let library = try PairLibrary(
      folder, scale: scale, smallest: max(16, scale), budget: 0, warn: warn)
    let texts = try library.captions(settings, warn: warn)
    return entries(library.entries, settings) { index, seed in
      let window = library.lowQuality(index).centre(settings.validationCrop / scale)
      return library.crop(index, window)?.trainingPair(
        scale: scale, height: window.height * scale, width: window.width * scale, seed: seed,
        caption: texts.whole(index))
    }
  }

  /// The first pairs that can be made from pictures, as many as the settings require.
  private static func entries(
    _ pictures: [PhotoLibrary.Entry], _ settings: DataSettings,
    _ make: (_ index: Int, _ seed: UInt64) -> TrainingPair?
  ) -> [Entry] {
    let limit = settings.validationCount > 0 ? settings.validationCount : pictures.count
    var entries: [Entry] = []
    for (index, picture) in pictures.enumerated() where entries.count < limit {
      if let pair = make(index, RandomStream.key(0x7661_6C69_6461_7465, UInt64(index))) {
        entries.append(Entry(file: picture.files[0].path, pair: pair))
      }
    }
    return entries
  }

  /// The first pictures, for previews, in batches of one size.
  func preview(_ count: Int) -> [TrainingBatch] {
    var rest = count
    return groups.compactMap { group in
      defer { rest -= group.count }
      return rest > 0 ? TrainingBatch(group.prefix(rest).map(\.pair)) : nil
    }
  }
}

extension PixelRect {
  /// The rectangle's centre with sides of at most `side` pixels, rounded down to a multiple of
  /// `unit`.
  fileprivate func centre(_ side: Int, multipleOf unit: Int = 1) -> PixelRect {
    let (width, height) = (min(side, width) / unit * unit, min(side, height) / unit * unit)
    return PixelRect(
      x: (self.width - width) / 2, y: (self.height - height) / 2, width: width, height: height)
  }
}
