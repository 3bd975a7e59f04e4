import Foundation
import Imaging
import Torch

/// Centre crops of the pictures of a folder, degraded with fixed seeds, or of real pairs as they are: the same
/// pairs at every validation of every run with the same settings.
public final class ValidationSet {
  private let groups: [[Sample]]

  /// Samples of one size per batch, in the order of the files' names.
  public var batches: [Batch] { groups.map { Batch($0) } }
  /// The number of pictures.
  public var count: Int { groups.reduce(0) { $0 + $1.count } }

  /// - Throws: `TrainingError` where the folder has no usable pictures, or pairs that do not fit together.
  public init(
    folder: String, settings: DataSettings, warn: @escaping @Sendable (String) -> Void
  ) throws {
    let samples =
      try PairFolder(folder).map { try ValidationSet.pairs($0, settings, warn) }
      ?? ValidationSet.photos(folder, settings, warn)
    guard !samples.isEmpty else {
      throw TrainingError.noPhotos(folder: folder, reason: "every picture in it is damaged")
    }
    var groups: [[Sample]] = []
    for sample in samples {
      if let last = groups.last, last.count < settings.validationBatch,
        last[0].height == sample.height, last[0].width == sample.width
      {
        groups[groups.count - 1].append(sample)
      } else {
        groups.append([sample])
      }
    }
    self.groups = groups
  }

  private static func photos(
    _ folder: String, _ settings: DataSettings, _ warn: @escaping @Sendable (String) -> Void
  ) throws -> [Sample] {
    let library = try PhotoLibrary(folder: folder, smallest: 16, budget: 0, warn: warn)
    let degrader = Degrader(settings)
    return samples(library.entries.count, settings) { index, seed in
      guard let image = library.photo(index) else { return nil }
      let crop = image.rect.centre(settings.validationCrop, multipleOf: Sample.scale)
      let picture = image.planes(crop)
      return Sample(
        highQuality: signed(picture.values),
        lowQuality: signed(degrader(picture, seed: seed).values), height: crop.height,
        width: crop.width, seed: seed)
    }
  }

  private static func pairs(
    _ folder: PairFolder, _ settings: DataSettings, _ warn: @escaping @Sendable (String) -> Void
  ) throws -> [Sample] {
    let library = try PairLibrary(folder, smallest: 16, budget: 0, warn: warn)
    return samples(library.entries.count, settings) { index, seed in
      let window = library.lowQuality(index).centre(settings.validationCrop / Sample.scale)
      return library.crop(index, window)?.sample(
        height: window.height * Sample.scale, width: window.width * Sample.scale, seed: seed)
    }
  }

  /// The first samples that can be made of `count` pictures, as many as the settings ask for.
  private static func samples(
    _ count: Int, _ settings: DataSettings, _ make: (_ index: Int, _ seed: UInt64) -> Sample?
  ) -> [Sample] {
    let limit = settings.validationCount > 0 ? settings.validationCount : count
    var samples: [Sample] = []
    for index in 0..<count where samples.count < limit {
      if let sample = make(index, RandomStream.key(0x7661_6C69_6461_7465, UInt64(index))) {
        samples.append(sample)
      }
    }
    return samples
  }

  /// The first pictures, for previews, in batches of one size.
  func preview(_ count: Int) -> [Batch] {
    var rest = count
    return groups.compactMap { group in
      defer { rest -= group.count }
      return rest > 0 ? Batch(Array(group.prefix(rest))) : nil
    }
  }
}

extension PixelRect {
  /// The rectangle's centre with sides of `side`, or what fits, down to a multiple.
  fileprivate func centre(_ side: Int, multipleOf unit: Int = 1) -> PixelRect {
    let (width, height) = (min(side, width) / unit * unit, min(side, height) / unit * unit)
    return PixelRect(
      x: (self.width - width) / 2, y: (self.height - height) / 2, width: width, height: height)
  }
}
