import Foundation
import Imaging
import Torch

/// A kind of noise with its sampled parameters.
public enum DegradationNoise: Equatable, Sendable, Codable {
  /// x + σ n / 255 with n ~ N(0, 1); `gray`: the same n for the three channels. σ in 8-bit levels.
  case gaussian(sigma: Double, gray: Bool)
  /// x + scale · (Poisson(v x) / v − x), x on the 8-bit grid, v the power of two at or above the
  /// number of distinct values in the picture; `gray`: the noise of the picture's luma for the
  /// three channels.
  case poisson(scale: Double, gray: Bool)
}

extension FloatImage {
  /// Adds noise and clamps to [0, 1].
  mutating func add(_ noise: DegradationNoise, _ random: inout RandomStream) {
    switch noise {
    case .gaussian(let sigma, let gray): addGaussian(Float(sigma / 255), gray, &random)
    case .poisson(let scale, let gray): addPoisson(Float(scale), gray, &random)
    }
    clamp()
  }

  private mutating func addGaussian(_ sigma: Float, _ gray: Bool, _ random: inout RandomStream) {
    let ziggurat = Ziggurat.shared
    let area = height * width
    values.withUnsafeMutableBufferPointer { values in
      if gray {
        for i in 0..<area {
          let noise = sigma * Float(random.normal(ziggurat))
          for plane in 0..<channels { values[plane * area + i] += noise }
        }
      } else {
        for i in values.indices { values[i] += sigma * Float(random.normal(ziggurat)) }
      }
    }
  }

  private mutating func addPoisson(_ scale: Float, _ gray: Bool, _ random: inout RandomStream) {
    let area = height * width
    roundToLevels()
    guard gray else {
      let noise = FloatImage.poissonNoise(levels: values.map { UInt8($0 * 255 + 0.5) }, &random)
      for i in values.indices { values[i] += scale * noise[i] }
      return
    }
    let levels = (0..<area).map { i -> UInt8 in
      let luma = 0.2989 * values[i] + 0.587 * values[area + i] + 0.114 * values[2 * area + i]
      return UInt8(min(max(roundHalfToEven(luma * 255), 0), 255))
    }
    let noise = FloatImage.poissonNoise(levels: levels, &random)
    for plane in 0..<channels {
      for i in 0..<area { values[plane * area + i] += scale * noise[i] }
    }
  }

  /// Poisson(v x) / v − x for x = level / 255.
  private static func poissonNoise(levels: [UInt8], _ random: inout RandomStream) -> [Float] {
    var present = [Bool](repeating: false, count: 256)
    for level in levels { present[Int(level)] = true }
    let distinct = present.reduce(0) { $0 + ($1 ? 1 : 0) }
    let scale = exp2(log2(Double(distinct)).rounded(.up))
    var place = [Int](repeating: 0, count: 256)
    var means: [Double] = []
    for level in 0..<256 where present[level] {
      place[level] = means.count
      means.append(Double(level) / 255 * scale)
    }
    let tables = PoissonTables(means: means)
    return levels.map { level in
      let sample = tables.sample(place[Int(level)], &random)
      return Float(Double(sample) / scale - Double(level) / 255)
    }
  }
}
