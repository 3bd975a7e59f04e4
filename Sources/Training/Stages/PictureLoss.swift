import Foundation
import ImageQuality
import Settings
import Torch

/// The weights of the terms of the loss between a reconstructed picture and the ground truth.
public struct PictureLossSettings: Codable, Equatable, Sendable {
  /// The weight of the mean absolute difference.
  public var l1 = 1.0
  /// The weight of the mean absolute difference to the teacher's picture, or to the original where
  /// a sample has none.
  public var teacher = 0.0
  /// LPIPS with AlexNet's features, which are far cheaper than VGG's.
  public var alex = PerceptualLossSettings()
  /// LPIPS with VGG's features.
  public var vgg = PerceptualLossSettings()
  /// The weight of patterns that repeat with the period of the model's scale, to which a
  /// pixel-shuffle is prone, or with that of the code's cells.
  public var grid = 0.0
  /// The weight of the adversarial term (hinge) of a discriminator that sees pictures.
  public var adversarial = 0.0
  /// The update at which the adversarial term joins; the discriminator learns from 500 updates
  /// earlier.
  public var adversarialFrom = 0
  /// The adversarial term of a discriminator that sees the activations of `vgg`; it replaces
  /// `adversarial`.
  public var projected = ProjectedLossSettings()
  /// Weights of `l1` and `teacher` by the texture around a pixel of the original.
  public var texture = TextureWeighting()

  public init() {}

  /// - Parameter crop: the side of the pictures in pixels.
  func validate(_ check: SettingsCheck, crop: Int) throws {
    for (name, weight) in [
      ("l1", l1), ("teacher", teacher), ("grid", grid), ("adversarial", adversarial),
    ] {
      try check(name, weight, 0...1e6)
    }
    try alex.validate(check / "alex", crop: crop)
    try vgg.validate(check / "vgg", crop: crop)
    try check("adversarialFrom", adversarialFrom, 0...1_000_000_000)
    try projected.validate(check / "projected", in: self)
    try texture.validate(check / "texture")
  }
}

/// L1 + LPIPS + adversarial loss of pictures in [-1, 1].
final class PictureLoss {
  /// The loss, figures for the log and, where there is a discriminator, its inputs.
  struct Value {
    var loss: Tensor
    var figures: [String: Double]
    var discriminatorInput: DiscriminatorInput?
  }

  let settings: PictureLossSettings
  private let patches: PatchDiscriminator?
  private let projected: ProjectedDiscriminator?
  private let discriminatorStore: ParameterStore
  /// The discriminator's tensors that are not trained.
  private let discriminatorState: ParameterStore
  private let perceptual: [PerceptualLoss]
  private let statistics: BatchStatistics
  /// Sides in pixels of the squares in which patterns repeat.
  private let gridPeriods: [Int]

  /// - Parameters:
  ///   - gridPeriods: sides in pixels of squares that divide the pictures.
  ///   - statistics: of the samples of all processes.
  init(
    _ settings: PictureLossSettings, gridPeriods: [Int], seed: UInt64, on device: Device,
    statistics: BatchStatistics = BatchStatistics(group: nil)
  ) throws {
    self.settings = settings
    self.statistics = statistics
    self.gridPeriods = gridPeriods
    perceptual = try [
      PerceptualLoss(.alex, settings.alex, on: device),
      PerceptualLoss(.vgg, settings.vgg, on: device),
    ].compactMap { $0 }
    discriminatorStore = ParameterStore(seed: seed, on: device)
    discriminatorState = ParameterStore(seed: seed &+ 1, on: device)
    let (p, state) = (
      discriminatorStore.root / "discriminator", discriminatorState.root / "discriminator"
    )
    patches = settings.adversarial > 0 ? try PatchDiscriminator(channels: 32, p) : nil
    if settings.projected.weight > 0, let vgg = perceptual.first(where: { $0.network == .vgg }) {
      projected = try ProjectedDiscriminator(
        channels: Array(vgg.widths.prefix(ProjectedLossSettings.layers)), p, state: state)
    } else {
      projected = nil
    }
    discriminatorStore.prepareForTraining()
  }

  private var discriminator: (any Discriminator)? { patches ?? projected }

  /// The parameter group of the discriminator, where there is one.
  var parameterGroups: [(name: String, parameters: [Parameter])] {
    discriminator == nil ? [] : [("discriminator", discriminatorStore.parameters)]
  }

  /// The discriminator's tensors that checkpoints keep besides its parameters.
  var buffers: [Parameter] { discriminatorState.parameters }

  /// The optimiser of a group where the recipe gives `optimizer`.
  func optimizer(of group: String, _ optimizer: AdamW.Configuration) -> AdamW.Configuration {
    guard projected != nil, group == "discriminator" else { return optimizer }
    var optimizer = optimizer
    (optimizer.beta1, optimizer.beta2) = (0, 0.99)
    return optimizer
  }

  /// The reason why pictures of a size cannot be validation pictures; nil for none.
  func problem(validatingHeight height: Int, width: Int) -> String? {
    let needed = PerceptualLoss.minimumSide
    return perceptual.isEmpty || min(height, width) >= needed
      ? nil : "\(needed) are needed for LPIPS"
  }

  /// Whether the discriminator is updated at update `step`.
  private func trainsDiscriminator(_ step: Int) -> Bool {
    projected != nil || patches != nil && step >= settings.adversarialFrom - 500
  }

  /// The loss of a prediction against the truth and the teacher's picture, all `[B, 3, H, W]` in
  /// float32.
  func callAsFunction(
    _ prediction: Tensor, _ truth: Tensor, teacher: Tensor?, step: Int, random: UpdateRandom
  ) throws -> Value {
    let weights = settings.texture.isOff ? nil : settings.texture.pixelWeights(truth)
    func difference(_ target: Tensor) -> Tensor {
      let error = (prediction - target).abs()
      return (weights.map { error * $0 } ?? error).mean()
    }
    let l1 = difference(truth)
    var loss = l1 * settings.l1
    var figures = ["l1": l1.detached().item]
    if settings.teacher > 0 {
      let l1 = difference(Target.teacher.pictures(truth, teacher))
      loss = loss + l1 * settings.teacher
      figures["l1_teacher"] = l1.detached().item
    }
    if settings.grid > 0 {
      let pattern = gridPattern(prediction - Target.teacher.pictures(truth, teacher))
      loss = loss + pattern * settings.grid
      figures["grid"] = pattern.detached().item
    }
    var seen: PerceptualLoss.Comparison?
    for term in perceptual {
      let comparison = term(prediction, term.settings.target.pictures(truth, teacher), random)
      loss = loss + comparison.distance * term.settings.weight
      figures[term.name] = comparison.distance.detached().item
      if term.network == .vgg { seen = comparison }
    }
    var input: DiscriminatorInput?
    if let projected, let seen {
      let weight = settings.projected.weight(step: step)
      if weight > 0 {
        let adversarial = HingeLoss.ofGenerator(projected.scores(seen.a))
        loss = try loss.joined(
          by: adversarial, weight: weight, at: prediction, norm: statistics.norm)
        figures["adversarial"] = adversarial.detached().item
      }
      let layers = ProjectedLossSettings.layers
      input = DiscriminatorInput(
        real: Array(seen.b.prefix(layers)), fake: Array(seen.a.prefix(layers)))
    }
    if let patches {
      if step >= settings.adversarialFrom {
        patches.requiresGradient = false
        let adversarial = HingeLoss.ofGenerator(patches.scores([prediction]))
        patches.requiresGradient = true
        loss = loss + adversarial * settings.adversarial
        figures["adversarial"] = adversarial.detached().item
      }
      input = DiscriminatorInput(real: [truth], fake: [prediction])
    }
    return Value(loss: loss, figures: figures, discriminatorInput: input)
  }

  /// The mean magnitude of the periodic part of an error `[B, 3, H, W]`: each place within the
  /// squares of a grid is averaged over 16x16 squares, so that texture and noise average out and
  /// repeating patterns remain.
  private func gridPattern(_ error: Tensor) -> Tensor {
    let patterns = gridPeriods.map { period in
      let places = error.pixelUnshuffled(period)  // [B, 3 · period², H / period, W / period]
      let means = places.resized(max(places.size(2) / 16, 1), max(places.size(3) / 16, 1), .area)
        .reshaped(error.size(0), 3, period * period, -1)
      return (means - means.mean([2], keep: true)).abs().mean()
    }
    return patterns.dropFirst().reduce(patterns[0], +)
  }

  /// The loss as the result of the generator's objective, followed by the discriminator's where it
  /// learns at update `step`.
  func evaluation(_ value: Value, step: Int) -> Objective.Evaluation {
    let next = value.discriminatorInput.flatMap { input in
      trainsDiscriminator(step)
        ? Objective(group: "discriminator") { [self] in discriminatorLoss(input) } : nil
    }
    return .init(loss: value.loss, figures: value.figures, next: next)
  }

  /// The discriminator's hinge loss on the inputs that the generator's loss has collected.
  func discriminatorLoss(_ input: DiscriminatorInput) -> Objective.Evaluation {
    let discriminator = discriminator!
    discriminator.prepareUpdate()
    let (real, fake) = (discriminator.scores(input.real), discriminator.scores(input.fake))
    let loss = HingeLoss.ofDiscriminator(real: real, fake: fake)
    func mean(_ scores: [Tensor]) -> Double {
      HingeLoss.mean(scores.map { $0.detached().mean() }).item
    }
    return .init(
      loss: loss,
      figures: ["discriminator": loss.detached().item, "real": mean(real), "fake": mean(fake)])
  }

  /// LPIPS of whole validation pictures for each network of the loss: to the originals, and to the
  /// teacher's pictures where these are the loss's target.
  func distances(_ prediction: Tensor, _ batch: TrainingBatch) -> [String: Double] {
    var figures: [String: Double] = [:]
    for term in perceptual {
      figures[term.name] = term.distance(prediction, batch.highQuality)
      if term.settings.target == .teacher, let teacher = batch.teacher {
        figures[term.name + "_teacher"] = term.distance(prediction, teacher)
      }
    }
    return figures
  }
}

extension Tensor {
  /// This loss with the gradient of another loss added at `picture`, on which both depend, scaled
  /// to `weight` times the length of its own gradient there; the value is unchanged.
  /// - Parameter norm: the length of a gradient, of which other processes may have parts.
  func joined(
    by other: Tensor, weight: Double, at picture: Tensor,
    norm: (Tensor) throws -> Tensor = { $0.norm() }
  ) throws -> Tensor {
    let own = try gradients(of: [self], with: [picture], retainGraph: true)[0]!
    let added = try gradients(of: [other], with: [picture])[0]!
    let gradient = try own + added * (norm(own) * weight / (norm(added) + 1e-12))
    let carrier = (picture * gradient).sum()
    return detached() + (carrier - carrier.detached())
  }
}
