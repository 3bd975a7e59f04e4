import Foundation
import Imaging
import Torch

/// One training pair on the host.
struct Sample: Sendable {
  /// `[3, height, width]` and `[3, height / 4, width / 4]`, in -1...1.
  let highQuality, lowQuality: [Float]
  let height, width: Int
  let seed: UInt64
}

/// Random crops of the photos of a folder with their degraded versions. Sample `i` depends on the folder,
/// the settings, the seed and `i` only, whatever thread asks for it and when.
public final class PhotoDataset: @unchecked Sendable {
  public let settings: DataSettings
  public let seed: UInt64
  private let library: PhotoLibrary
  private let degrader: Degrader
  /// The sum of the areas of the photos up to and including each.
  private let areas: [Double]

  /// The number of photos that are used.
  public var count: Int { library.entries.count }
  /// Their pixels.
  public var pixels: Int { library.entries.reduce(0) { $0 + $1.width * $1.height } }

  /// - Parameter warn: receives one line per file that is skipped, from any thread.
  /// - Throws: `TrainingError` where the folder has no usable photos.
  public init(
    folder: String, settings: DataSettings, seed: UInt64, warn: @escaping @Sendable (String) -> Void
  ) throws {
    self.settings = settings
    self.seed = seed
    library = try PhotoLibrary(
      folder: folder, smallest: settings.crop, budget: settings.cacheMebibytes << 20, warn: warn)
    degrader = Degrader(settings)
    var sum = 0.0
    areas = library.entries.map { entry in
      sum += Double(entry.width * entry.height)
      return sum
    }
  }

  /// Decodes photos now, in order, until the memory for them is full, rather than at first use.
  public func decodePhotos() {
    var bytes = 0
    for (index, entry) in library.entries.enumerated() {
      bytes += entry.width * entry.height * 3
      if bytes > settings.cacheMebibytes << 20 { return }
      _ = library.photo(index)
    }
  }

  /// - Throws: `TrainingError.noPhotos` where every photo turned out to be damaged.
  func sample(_ index: Int) throws -> Sample {
    let crop = settings.crop
    let key = mixed(seed, UInt64(index))
    var random = KeyedGenerator(key)
    var planes = try drawn(&random)
    var retries = 0
    while retries < settings.flatRetries, deviation(planes) < settings.flatThreshold {
      planes = try drawn(&random)
      retries += 1
    }
    if settings.flips { planes = oriented(planes, crop, Int(random.next() & 7)) }
    let low = degrader(planes, height: crop, width: crop, seed: key)
    if settings.sharpenedTarget { planes = degrader.sharpened(planes, height: crop, width: crop) }
    return Sample(
      highQuality: signed(planes), lowQuality: signed(low), height: crop, width: crop, seed: key)
  }

  /// A random crop of a random photo, planar in 0...1.
  private func drawn(_ random: inout KeyedGenerator) throws -> [Float] {
    let crop = settings.crop
    while true {
      let entry = choose(random.uniform())
      let photo = library.entries[entry]
      let smallest = max(
        settings.rescaleRange[0], Double(crop) / Double(min(photo.width, photo.height)))
      let chance = random.uniform()
      let drawn = random.uniform(settings.rescaleRange[0]...settings.rescaleRange[1])
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
      if side == crop { return planes.values }
      return planes.resized(toWidth: crop, height: crop, .bicubic).values
        .map { min(max($0, 0), 1) }
    }
  }

  /// The photo at a fraction of the total area.
  private func choose(_ fraction: Double) -> Int {
    let target = fraction * areas[areas.count - 1]
    var (low, high) = (0, areas.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if areas[middle] > target { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The standard deviation of the mean of the channels.
  private func deviation(_ planes: [Float]) -> Double {
    let area = planes.count / 3
    var (sum, squares) = (Float(0), Float(0))
    planes.withUnsafeBufferPointer { p in
      var i = 0
      while i < area {
        let grey = (p[i] + p[area + i] + p[2 * area + i]) / 3
        sum += grey
        squares += grey * grey
        i += 1
      }
    }
    let mean = Double(sum) / Double(area)
    return max(Double(squares) / Double(area) - mean * mean, 0).squareRoot()
  }
}

/// One of the eight orientations of a square: bit 0 mirrors columns, bit 1 rows, bit 2 transposes.
func oriented(_ planes: [Float], _ side: Int, _ orientation: Int) -> [Float] {
  guard orientation != 0 else { return planes }
  return [Float](unsafeUninitializedCapacity: planes.count) { target, count in
    planes.withUnsafeBufferPointer { source in
      var t = 0
      for c in 0..<3 {
        for y in 0..<side {
          let row = orientation & 2 == 0 ? y : side - 1 - y
          for x in 0..<side {
            let column = orientation & 1 == 0 ? x : side - 1 - x
            let at = orientation & 4 == 0 ? row * side + column : column * side + row
            target[t] = source[c * side * side + at]
            t += 1
          }
        }
      }
    }
    count = planes.count
  }
}

/// 0...1 → -1...1.
func signed(_ planes: [Float]) -> [Float] { planes.map { $0 + $0 - 1 } }

extension Batch {
  /// Samples of one size, in order.
  init(_ samples: [Sample]) {
    let (height, width) = (samples[0].height, samples[0].width)
    func stacked(_ shape: [Int], _ planes: (Sample) -> [Float]) -> Tensor {
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
    self.init(
      highQuality: stacked([3, height, width], \.highQuality),
      lowQuality: stacked([3, height / 4, width / 4], \.lowQuality), seeds: samples.map(\.seed))
  }
}
