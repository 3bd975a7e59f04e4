import Torch

/// One kind of training: its losses, validation, previews and export. The trainer owns everything
/// else: data, optimisers, averages, checkpoints, logs.
public protocol TrainingStage: AnyObject {
  /// Groups of parameters, each with its own optimiser ("generator", "discriminator").
  var parameterGroups: [(name: String, parameters: [Parameter])] { get }
  /// The factor by which low-quality pictures are smaller.
  var scale: Int { get }
  /// The device and precision of the stage; losses run under it.
  var policy: ComputePolicy { get }
  /// The model's parameters, which are averaged and exported.
  var averagedParameters: [Parameter] { get }
  /// Tensors besides the parameters that updates change or depend on; checkpoints keep them.
  var buffers: [Parameter] { get }
  /// The interpolation of contexts to a scale; nil where the stage has none.
  var contextResize: Tensor.Interpolation? { get }
  /// The blocks of the network that the stage trains; nil where it has none.
  var blocks: TrainedBlocks? { get }
  /// The optimiser of a parameter group where the recipe gives `optimizer`.
  func optimizer(of group: String, _ optimizer: AdamW.Configuration) -> AdamW.Configuration
  /// Called once before a run with captions, to compute in advance.
  /// - Parameters:
  ///   - folder: the run's folder, for results.
  ///   - progress: called with the finished fraction of the work; an error thrown here stops it.
  func prepare(
    captions: Set<String>, in folder: String, progress: (Double) throws -> Void) throws
  /// The first objective of update `step` (from 1). Its evaluation gives the next one, if there is
  /// any; each has its own backward pass and parameter update. A step has the same number of
  /// objectives in the same groups, and figures of the same names, for every batch. All random
  /// numbers come from `random`, so that a loss is the same mean over samples however these are
  /// spread over batches and processes.
  func objective(_ batch: TrainingBatch, step: Int, random: UpdateRandom) throws -> Objective
  /// The figures on one validation batch, with the averaged weights in place. The trainer averages
  /// them over batches, weighted by the number of samples. Noise depends only on the samples'
  /// seeds, so that figures are comparable between updates.
  func validate(_ batch: TrainingBatch) throws -> [String: Double]
  /// The reason why the stage cannot validate with pictures of a size, such as "tiles of 256x256
  /// are needed"; nil for none.
  func problem(validatingHeight height: Int, width: Int) -> String?
  /// Pictures `[3, H, W]` in -1...1 for a preview, one row per sample: for example the enlarged
  /// low-quality input, the prediction and the ground truth.
  func preview(_ batch: TrainingBatch) throws -> [[Tensor]]
  /// Writes the model folder `folder`, in place of an earlier one, with the averaged weights in
  /// place.
  func export(to folder: String, provenance: [String: String]) throws
}

extension TrainingStage {
  public var buffers: [Parameter] { [] }
  public var blocks: TrainedBlocks? { nil }
  public var contextResize: Tensor.Interpolation? { nil }

  public func optimizer(
    of group: String, _ optimizer: AdamW.Configuration
  ) -> AdamW.Configuration { optimizer }

  public func prepare(
    captions: Set<String>, in folder: String, progress: (Double) throws -> Void
  ) throws {}

  public func problem(validatingHeight height: Int, width: Int) -> String? { nil }
}

/// One loss and the parameters that it updates.
public struct Objective {
  /// The name of a parameter group of the stage.
  public let group: String
  /// Computes the loss.
  public let evaluate: () throws -> Evaluation

  /// The result of a forward pass.
  public struct Evaluation {
    /// One element, in the graph.
    public let loss: Tensor
    /// Figures for the log.
    public let figures: [String: Double]
    /// The objective that follows after this one's update.
    public let next: Objective?

    public init(loss: Tensor, figures: [String: Double] = [:], next: Objective? = nil) {
      self.loss = loss
      self.figures = figures
      self.next = next
    }
  }

  public init(group: String, evaluate: @escaping () throws -> Evaluation) {
    self.group = group
    self.evaluate = evaluate
  }
}

/// A batch of pairs of high-quality and low-quality pictures.
public struct TrainingBatch {
  /// `[B, 3, H, W]` in -1...1.
  public let highQuality: Tensor
  /// `[B, 3, H / scale, W / scale]` in -1...1.
  public let lowQuality: Tensor
  /// The teacher's pictures: restorations of `lowQuality` by another method, or other targets, `[B,
  /// 3, H, W]` in -1...1. Nil where no source of the run has a teacher; equal to `highQuality` for
  /// samples of sources without one.
  public let teacher: Tensor?
  /// One seed per sample, for noise that depends only on the sample.
  public let seeds: [UInt64]
  /// The captions of the samples; nil for those without one.
  public let captions: [SampleCaption?]

  /// - Parameter captions: nil where no sample has one.
  public init(
    highQuality: Tensor, lowQuality: Tensor, teacher: Tensor? = nil, seeds: [UInt64],
    captions: [SampleCaption?]? = nil
  ) {
    self.highQuality = highQuality
    self.lowQuality = lowQuality
    self.teacher = teacher
    self.seeds = seeds
    self.captions = captions ?? seeds.map { _ in nil }
  }

  /// The number of samples.
  public var count: Int { seeds.count }

  /// A copy of the batch on another device.
  public func to(_ device: Device) -> TrainingBatch {
    TrainingBatch(
      highQuality: highQuality.to(device), lowQuality: lowQuality.to(device),
      teacher: teacher?.to(device), seeds: seeds, captions: captions)
  }
}
