import Torch

/// What one kind of training minimises, and how its model is judged, shown and written. The trainer
/// owns everything else: data, optimisers, averages, checkpoints, logs.
public protocol TrainingStage: AnyObject {
  /// Groups of parameters, each with an optimiser of its own ("generator", "discriminator").
  var parameterGroups: [(name: String, parameters: [Parameter])] { get }
  /// Low-quality pictures are smaller by this factor.
  var scale: Int { get }
  /// Where and in which element types the stage computes; losses run under it.
  var policy: ComputePolicy { get }
  /// The model's parameters, which are averaged and exported.
  var averagedParameters: [Parameter] { get }
  /// Tensors besides the parameters that updates change or depend on, for checkpoints.
  var buffers: [Parameter] { get }
  /// How contexts are resized to a scale; nil: the stage has none.
  var contextResize: Tensor.Interpolation? { get }
  /// How a group of parameters is optimised where the recipe says `optimizer`.
  func optimizer(of group: String, _ optimizer: AdamW.Configuration) -> AdamW.Configuration
  /// Called once before a run with captions, for what a stage computes ahead.
  /// - Parameters:
  ///   - folder: of the run, to keep it in.
  ///   - progress: called with the share that is done; an error thrown here stops the work.
  func prepare(
    captions: Set<String>, in folder: String, progress: (Double) throws -> Void) throws
  /// What is minimised at update `step` (from 1), one after the other, each with its own backward
  /// pass and update. A step always has the same number of objectives in the same groups, whatever
  /// the batch. Whatever they draw comes from `random`, which is seeded by the recipe's seed and
  /// the step, and serves all batches of the update.
  func objectives(_ batch: TrainingBatch, step: Int, random: RandomGenerator) throws -> [Objective]
  /// Figures on one validation batch, with the averaged weights in place; the trainer averages them
  /// over batches, weighted by the number of samples. Noise depends on the samples' seeds only, so
  /// that figures can be compared from step to step.
  func validate(_ batch: TrainingBatch) throws -> [String: Double]
  /// What keeps the stage from validating with pictures of a size, such as "tiles of 256x256 are
  /// needed"; nil: nothing.
  func problem(validatingHeight height: Int, width: Int) -> String?
  /// Pictures `[3, H, W]` in -1...1 to look at, a row per sample: for example the low-quality input
  /// enlarged, the prediction and the ground truth.
  func preview(_ batch: TrainingBatch) throws -> [[Tensor]]
  /// Writes the model as the model folder `folder`, in place of an earlier one; the averaged
  /// weights are in place.
  func export(to folder: String, provenance: [String: String]) throws
}

extension TrainingStage {
  public var buffers: [Parameter] { [] }
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
  /// The loss (one element, in the graph) and figures for the log.
  public let loss: () throws -> (loss: Tensor, figures: [String: Double])

  public init(
    group: String, loss: @escaping () throws -> (loss: Tensor, figures: [String: Double])
  ) {
    self.group = group
    self.loss = loss
  }
}

/// Pairs of a picture and what a poor camera made, or would have made, of it.
public struct TrainingBatch {
  /// `[B, 3, H, W]` in -1...1.
  public let highQuality: Tensor
  /// `[B, 3, H / scale, W / scale]` in -1...1.
  public let lowQuality: Tensor
  /// What another method made of `lowQuality`, or what is to be made of it, `[B, 3, H, W]` in
  /// -1...1; nil where no source of the run has a teacher. For samples of sources without one it is
  /// `highQuality`.
  public let teacher: Tensor?
  /// One per sample, for noise that depends on the sample only.
  public let seeds: [UInt64]
  /// What the samples show; nil for those without caption.
  public let captions: [SampleCaption?]

  /// - Parameter captions: nil: no sample has one.
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

  /// The batch on another device.
  public func to(_ device: Device) -> TrainingBatch {
    TrainingBatch(
      highQuality: highQuality.to(device), lowQuality: lowQuality.to(device),
      teacher: teacher?.to(device), seeds: seeds, captions: captions)
  }
}
