import CTorch

/// A source of random numbers with a state of its own: libtorch's mt19937 (Matsumoto and Nishimura,
/// 1998) on the CPU. The lower 32 bits of the seed decide the stream, which is that of
/// `torch.manual_seed(seed)` in PyTorch.
///
/// Numbers depend on the seed and on what was drawn from this generator before, on nothing else of
/// the process. Draws from several threads at once are safe, but in no certain order: give each its
/// own.
public final class RandomGenerator {
  let handle: ct_generator

  public init(seed: UInt64) {
    var result: ct_generator?
    demand(ct_generator_create(seed, &result))
    handle = result!
  }

  deinit { ct_generator_release(handle) }
}

extension Tensor {
  /// Samples of N(0, 1), float32. They are drawn on the CPU and moved to `device`, so that every
  /// device gets the same numbers.
  public static func randn(
    _ shape: [Int], using generator: RandomGenerator, on device: Device = .cpu
  ) -> Tensor {
    aten(.randn, shape, generator, DType.float32).to(device)
  }

  /// Samples of U[0, 1), float32, drawn like those of `randn`.
  public static func rand(
    _ shape: [Int], using generator: RandomGenerator, on device: Device = .cpu
  ) -> Tensor {
    aten(.rand, shape, generator, DType.float32).to(device)
  }
}
