import Torch

/// The random numbers of one update. They are functions of the recipe's seed, the number of the
/// update and the purpose, and, where every sample has its own, of the sample's seed: the way in
/// which samples are spread over batches and processes does not change them.
public struct UpdateRandom: Sendable {
  /// The purpose of numbers; two purposes never share any.
  public enum Purpose: UInt64, Sendable {
    /// The probabilities of self-correction's flips.
    case flipRates = 1
    /// The bits that are flipped.
    case flips
    /// The samples whose code is dropped.
    case codeDropout
    /// The residual branches that are dropped.
    case dropPath
    /// The windows of tiles that are decoded.
    case windows
    /// The windows and zooms of LPIPS with the features of either network.
    case alex, vgg
    /// Noise that a stage adds to its input.
    case noise
  }

  private let key: UInt64

  /// - Parameters:
  ///   - seed: the recipe's.
  ///   - step: the number of the update, from 1.
  public init(seed: UInt64, step: Int) { key = RandomStream.key(seed, UInt64(step)) }

  /// Numbers that all samples of the update share.
  /// - Parameter index: distinguishes draws for one purpose, such as those of scales.
  public func shared(_ purpose: Purpose, _ index: Int = 0) -> RandomStream {
    RandomStream(key, purpose.rawValue, UInt64(index))
  }

  /// Samples of U[0, 1) that all samples of the update share, float32, drawn on the CPU.
  public func uniform(
    _ shape: [Int], _ purpose: Purpose, _ index: Int = 0, on device: Device = .cpu
  ) -> Tensor {
    var stream = shared(purpose, index)
    return .rand(shape, using: RandomGenerator(seed: stream.next()), on: device)
  }

  /// Samples of U[0, 1) of each sample's own, float32, drawn on the CPU.
  /// - Parameters:
  ///   - shape: of one sample.
  ///   - samples: the samples' seeds.
  /// - Returns: `[B] + shape`.
  public func uniform(
    _ shape: [Int], _ purpose: Purpose, _ index: Int = 0, samples: [UInt64],
    on device: Device = .cpu
  ) -> Tensor {
    let rows = samples.map { sample in
      var stream = RandomStream(key, purpose.rawValue, UInt64(index), sample)
      return Tensor.rand(shape, using: RandomGenerator(seed: stream.next()))
    }
    return Tensor.stacked(rows).to(device)
  }
}
