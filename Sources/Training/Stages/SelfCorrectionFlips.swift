import NSARM
import Torch

extension BitwiseSelfCorrection {
  /// The flips of the bits of scale k.
  /// - Parameters:
  ///   - shape: `[B, d, h, w]`, like the mask.
  ///   - samples: the samples' seeds.
  func flips(
    _ shape: [Int], scale k: Int, _ samples: [UInt64], _ random: UpdateRandom, on device: Device
  ) -> Tensor {
    let rates =
      switch drawnPer {
      case .sample: random.uniform([1, 1, 1], .flipRates, k, samples: samples)
      case .batch: random.uniform([1, 1, 1, 1], .flipRates, k)
      }
    let bits = random.uniform(Array(shape.dropFirst()), .flips, k, samples: samples)
    return flips(rates: rates, bits: bits).to(device)
  }
}
