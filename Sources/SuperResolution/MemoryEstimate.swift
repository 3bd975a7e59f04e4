import NSARM
import Torch

/// The memory that restoring takes, in bytes, computed from the configuration alone, so that a
/// model that cannot fit is refused before anything is loaded.
public struct MemoryEstimate: Equatable, Sendable {
  /// Weights that are always kept.
  public let weights: Int
  /// The matrices of one of the transformer's blocks as the policy keeps them, the largest of them,
  /// and how many blocks there are.
  public let block, matrix, blockCount: Int
  /// Keys and values of all scales of a tile.
  public let cache: Int
  /// Activations of a tile at its largest scale.
  public let activations: Int
  /// Decoding a window.
  public let decoding: Int

  /// Program and libraries.
  private static let program = 350_000_000

  /// - Parameters:
  ///   - configuration: of the model.
  ///   - policy: the policy that it computes with.
  ///   - window: side of the decoder's windows in output pixels; nil: by the size of the decoder.
  /// - Throws: `ConfigurationError` where the configuration makes no sense, `TorchError` where
  ///   libtorch is missing.
  public init(_ configuration: ModelConfiguration, _ policy: ComputePolicy, window: Int? = nil)
    throws
  {
    try TorchRuntime.load()
    let model = try configuration.withoutTensors()
    let isInt8 = policy.precision == .int8
    // A packed matrix stands beside the plain one.
    let isPacked = policy.device == .cpu && PackedMatrix.isAvailable(policy.storage)
    let packsKernels = Model.packsKernels(policy)
    let packsDenseKernels = Model.packsDenseKernels(policy)
    let perBlockWeight = isInt8 ? 1 : policy.storage.size * (isPacked ? 2 : 1)
    var (others, blocks, largest) = (0, 0, 0)
    for parameter in model.store.parameters {
      let (role, count, shape) = (parameter.role, parameter.value.count, parameter.value.shape)
      if role.isQuantizableMatrix(shape) {
        blocks += count * perBlockWeight
        largest = max(largest, count * perBlockWeight)
      } else if packsKernels, role.isPackedKernel(shape) {
        // 36 numbers for 9 in float32, beside those of the file.
        others += count * (Model.isPackedForEveryUse(shape) ? 2 : 4 * 4 + 2)
      } else if packsDenseKernels, role.isDenseKernel(shape) {
        others += count * 2 * policy.storage.size
      } else if isInt8, role.isKeptMapped(shape) {
        continue
      } else {
        others += count * (role.isWide ? 4 : policy.storage.size)
      }
    }
    weights = others
    matrix = largest

    let schedule = configuration.scaleSchedule
    if let c = configuration.transformer, configuration.scales != 0 {
      blockCount = c.depth
      block = blocks / c.depth
      cache = KeyValueCache.byteCount(
        depth: c.depth, heads: c.heads, length: schedule.tokenCount,
        headDimension: c.width / c.heads, policy)
      let tokens = schedule.tokens.map(\.count).max() ?? 0
      // Queries, keys and values before and after their rotation, the stream, its norm and sums; or
      // the hidden channels of the feed-forward beside the stream.
      activations =
        tokens * max(11 * c.width, 5 * c.width + 2 * c.feedForwardWidth) * policy.activations.size
    } else {
      (blockCount, block, cache, activations) = (0, 0, 0, 0)
    }
    let side = window ?? DecodingPlan.side(model.decoder, configuration)
    // The stream, its norm, and both ends of a convolution.
    decoding = Int(4 * Double(side * side) * model.decoder.valuesPerPixel) * policy.activations.size
  }

  /// The most that is in memory at a time.
  /// - Parameters:
  ///   - batch: tiles that go through the transformer together.
  ///   - kept: blocks whose matrices are kept; those of the others are read for every product.
  public func peak(batch: Int, blocks kept: Int) -> Int {
    let sum =
      weights + kept * block + (kept < blockCount ? matrix : 0)
      + max(batch * (cache + activations), decoding)
    // What the allocator keeps of freed memory, and leaves between tensors: as measured.
    return Self.program + sum + sum / 18
  }
}

/// The plan by which a model runs within a limit of memory: as many tiles together as fit, and
/// where not even one does, with blocks that are read from the file for every scale.
public struct MemoryPlan: Equatable, Sendable {
  public let batch: Int
  /// Blocks whose matrices are kept.
  public let blocks: Int
  /// Bytes of the matrices that are kept.
  public let blockBytes: Int
  /// The most that is expected to be in memory, in bytes.
  public let peak: Int
  /// A note for the user; nil where everything fits.
  public let note: String?

  /// - Parameters:
  ///   - estimate: the memory that the model takes.
  ///   - policy: the policy that it computes with.
  ///   - limit: bytes; nil: none.
  ///   - source: what sets the limit, for the error; nil: the caller.
  ///   - wanted: tiles that may go through the transformer together.
  /// - Throws: `SuperResolutionError.modelTooLarge` where nothing fits.
  public init(
    _ estimate: MemoryEstimate, _ policy: ComputePolicy, limit: Int?,
    setBy source: AvailableMemory.Limit? = nil, batch wanted: Int
  ) throws {
    let (limit, all) = (limit ?? .max, estimate.blockCount)
    if let batch = (1...max(wanted, 1)).last(where: {
      estimate.peak(batch: $0, blocks: all) <= limit
    }) {
      self.batch = batch
      blocks = all
      blockBytes = .max
    } else if policy.precision == .int8,
      let kept = (0..<all).last(where: { estimate.peak(batch: 1, blocks: $0) <= limit })
    {
      batch = 1
      blocks = kept
      blockBytes = kept * estimate.block
    } else {
      let least = estimate.peak(batch: 1, blocks: policy.precision == .int8 ? 0 : all)
      throw SuperResolutionError.modelTooLarge(
        needed: least, limit: limit, policy.precision, setBy: source)
    }
    peak = estimate.peak(batch: self.batch, blocks: blocks)
    note =
      blocks == all
      ? nil
      : "\(blocks) of \(all) blocks fit into \(Self.gigabytes(limit)); the others are read from"
        + " the model's files for every scale"
  }

  static func gigabytes(_ bytes: Int) -> String {
    let tenths = (bytes + 99_999_999) / 100_000_000
    return "\(tenths / 10).\(tenths % 10) GB"
  }
}
