import Foundation
import Imaging

/// One input of a benchmark: a picture of a set with its degradation and seed.
struct BenchmarkCase: Sendable {
  /// The set's name.
  let set: String
  /// Unique in its set: the picture's name with the degradation's level and the seed if there are
  /// several.
  let label: String
  let item: EvaluationSet.Item
  /// Nil where the set contains inputs.
  let degradation: Degradation?
  /// The seed of the degradation and of the methods' random numbers.
  let seed: UInt64
  /// The largest side of the centre crop, in pixels of the original.
  let crop: Int?

  /// All cases of a set.
  ///
  /// - Parameter data: the folder that relative paths refer to.
  /// - Throws: `EvaluationError` where the set is missing, or its seeds are too close to each
  ///   other.
  static func all(of entry: BenchmarkSets.Entry, data: String) throws -> [BenchmarkCase] {
    let folder =
      entry.folder.hasPrefix("/")
      ? entry.folder : (data as NSString).appendingPathComponent(entry.folder)
    let set =
      try entry.damage == .none
      ? EvaluationSet.inputs(in: folder, prefix: entry.prefix)
      : EvaluationSet.originals(in: folder, prefix: entry.prefix)
    let degradations: [Degradation?] =
      switch entry.damage {
      case .none: [nil]
      case .light: [.light]
      case .full: [.full]
      case .levels: Degradation.allLevels
      }
    let items = set.items.prefix(entry.limit ?? set.items.count)
    let seeds = entry.seeds.sorted()
    for (seed, next) in zip(seeds, seeds.dropFirst()) where next - seed < items.count {
      throw EvaluationError(
        "set \(entry.name): the seeds \(seed) and \(next) are closer than its \(items.count) pictures, "
          + "which would share degradations; take \(seed) and \(seed + 1000), for example")
    }
    return items.enumerated().flatMap { index, item in
      entry.seeds.flatMap { seed in
        degradations.map { degradation in
          var label = item.name
          if case .level(let kind, let level) = degradation { label += "-\(kind.rawValue)\(level)" }
          if entry.seeds.count > 1 { label += "-seed\(seed)" }
          return BenchmarkCase(
            set: entry.name, label: label, item: item, degradation: degradation,
            seed: seed + UInt64(index), crop: entry.crop)
        }
      }
    }
  }

  /// The input and, where there is one, the original.
  typealias Pictures = (input: Image, original: Image?)

  /// The pictures; the original is `scale` times as large as the input.
  /// - Throws: `ImagingError`; `EvaluationError` where the sizes do not match.
  func pictures(scale: Int) throws -> Pictures {
    let limit = crop ?? .max
    guard let path = item.input else {
      let original = try Self.read(item.original!, atLeast: 8 * scale)
        .centre(width: limit, height: limit, unit: scale)
      return (degradation!(original, seed: seed, scale: scale), original)
    }
    let input = try Self.read(path, atLeast: 8)
    let part = input.rect.centre(width: limit / scale, height: limit / scale)
    let original = try item.original.map { path in
      let original = try ImageFile.readRGB(path)
      guard original.width == input.width * scale, original.height == input.height * scale else {
        throw EvaluationError(
          "\(path): \(original.width)x\(original.height) pixels are not \(scale) times the "
            + "\(input.width)x\(input.height) of \(item.input!)")
      }
      return original.cropped(to: part.scaled(by: scale))
    }
    return (input.cropped(to: part), original)
  }

  private static func read(_ path: String, atLeast side: Int) throws -> Image {
    let image = try ImageFile.readRGB(path)
    guard min(image.width, image.height) >= side else {
      throw EvaluationError(
        "\(path): \(image.width)x\(image.height) pixels are too few; \(side)x\(side) are needed")
    }
    return image
  }

  /// A description of everything that the pictures depend on.
  func identity(scale: Int) throws -> String {
    let files = try [item.input, item.original].compactMap { $0 }.map { try FileStamp($0).text }
    let degradation = degradation?.description ?? "none"
    return (files + ["damage \(degradation)", "seed \(seed)", "crop \(crop ?? 0)", "x\(scale)"])
      .joined(separator: ", ")
  }

  /// The case in a report, without figures.
  func entry(width: Int, height: Int, scale: Int) -> EvaluationReport.Picture {
    var picture = EvaluationReport.Picture(
      file: label, set: set, seed: seed, width: width, height: height)
    if case .level(let kind, let level) = degradation {
      picture.degradation = .init(kind: kind.rawValue, level: level)
    }
    (picture.inputWidth, picture.inputHeight) = (width / scale, height / scale)
    return picture
  }
}
