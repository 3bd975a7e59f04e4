import Foundation
import Torch
import TorchSaveSupport

/// Random weights for which networks compute plausible numbers: matrices and kernels N(0, 1 /
/// inputs), norms around 1, small biases, and modulations and scales like those of trained
/// networks.
enum RandomWeight {
  /// Draws of N(0, 1): a weight is one of them, times its deviation, plus its mean.
  private static let normals: [Float] = {
    var random = RandomStream(seed: 2026, stream: 0)
    return (0..<1 << 16).map { _ in
      let radius = (-2 * log(1 - random.uniform())).squareRoot()
      return Float(radius * cos(2 * .pi * random.uniform()))
    }
  }()

  /// The tensor of a published name, drawn from its own stream.
  static func tensor(_ name: String, _ shape: [Int], stream: UInt64) -> TorchSaveTensor {
    TorchSaveTensor(.bfloat16, shape) { memory in
      let (mean, deviation) = distribution(name, shape)
      let values = memory.bindMemory(to: UInt16.self)
      fill(values[...], mean, deviation, stream)
      guard name.hasSuffix("ada_gss") else { return }
      // Of the six modulations the first two are gains.
      fill(values[..<(values.count / 3)], 0.6, deviation, stream)
    }
  }

  /// The mean and the standard deviation of a weight.
  private static func distribution(_ name: String, _ shape: [Int]) -> (Float, Float) {
    let inputs = Float(shape.dropFirst().reduce(1, *))
    let isVector = shape.count < 2 || name.contains("feature_") && shape.count == 3
    switch name {
    case _ where name.hasSuffix("scale_mul_1H11"): return (log(4), 0.5)
    case _ where name.hasSuffix("ada_gss"): return (0, 0.4)
    case _ where name.hasSuffix("cfg_uncond"): return (0, 0.8)
    case _ where name.hasSuffix("pos_start") || name.hasSuffix("lvl_embed.weight"): return (0, 0.3)
    case _ where isVector && name.hasSuffix("weight"): return (1, 0.2)
    case _ where isVector: return (0, 0.1)
    default: return (0, 1 / inputs.squareRoot())
    }
  }

  /// bfloat16 draws of N(mean, deviation²), 16 bits of a counter's hash each.
  private static func fill(
    _ values: Slice<UnsafeMutableBufferPointer<UInt16>>, _ mean: Float, _ deviation: Float,
    _ stream: UInt64
  ) {
    let draws = normals.map { normal -> UInt16 in
      let bits = (mean + deviation * normal).bitPattern
      return UInt16(truncatingIfNeeded: (bits + 0x7fff + (bits >> 16 & 1)) >> 16)
    }
    var random = RandomStream(seed: 8, stream: stream)
    draws.withUnsafeBufferPointer { draws in
      let memory = UnsafeMutableBufferPointer(rebasing: values)
      var at = 0
      while at < memory.count {
        var bits = random.next()
        for index in at..<min(at + 4, memory.count) {
          memory[index] = draws[Int(bits & 0xffff)]
          bits >>= 16
        }
        at += 4
      }
    }
  }
}
