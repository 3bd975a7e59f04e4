import Foundation
import Imaging

/// Centre crops of the pictures of a folder, degraded with fixed seeds: the same pairs at every validation
/// of every run with the same settings.
public final class ValidationSet {
  private let groups: [[Sample]]

  /// Samples of one size per batch, in the order of the files' names.
  public var batches: [Batch] { groups.map { Batch($0) } }
  /// The number of pictures.
  public var count: Int { groups.reduce(0) { $0 + $1.count } }

  /// - Throws: `TrainingError` where the folder has no usable pictures.
  public init(
    folder: String, settings: DataSettings, warn: @escaping @Sendable (String) -> Void
  ) throws {
    let library = try PhotoLibrary(folder: folder, smallest: 16, budget: 0, warn: warn)
    let degrader = Degrader(settings)
    let limit = settings.validationCount > 0 ? settings.validationCount : library.entries.count
    var samples: [Sample] = []
    for (index, entry) in library.entries.enumerated() where samples.count < limit {
      guard let image = library.photo(index) else { continue }
      let width = min(settings.validationCrop, entry.width) / 4 * 4
      let height = min(settings.validationCrop, entry.height) / 4 * 4
      let planes = image.planes(
        PixelRect(
          x: (entry.width - width) / 2, y: (entry.height - height) / 2, width: width,
          height: height)
      ).values
      let seed = mixed(0x7661_6C69_6461_7465, UInt64(index))
      let low = degrader(planes, height: height, width: width, seed: seed)
      samples.append(
        Sample(
          highQuality: signed(planes), lowQuality: signed(low), height: height, width: width,
          seed: seed))
    }
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

  /// The first pictures, for previews, in batches of one size.
  func preview(_ count: Int) -> [Batch] {
    var rest = count
    return groups.compactMap { group in
      defer { rest -= group.count }
      return rest > 0 ? Batch(Array(group.prefix(rest))) : nil
    }
  }
}
