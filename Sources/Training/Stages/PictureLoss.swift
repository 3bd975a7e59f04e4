import Foundation
import ImageQuality
import Settings
import Torch

/// Weights of the terms between a reconstructed picture and the truth.
public struct PictureLossSettings: Codable, Equatable, Sendable {
  /// Of the mean absolute difference.
  public var l1 = 1.0
  /// Of the mean absolute difference to the teacher's picture; where a sample has none, to the
  /// original.
  public var teacher = 0.0
  /// LPIPS with AlexNet's features, which cost a small part of VGG's.
  public var alex = PerceptualLossSettings()
  /// LPIPS with VGG's features.
  public var vgg = PerceptualLossSettings()
  /// Of patterns that repeat every so many pixels as the model's scale says, which a pixel-shuffle
  /// is prone to, or every so many as the code's cells have.
  public var grid = 0.0
  /// Of the adversarial term (hinge).
  public var adversarial = 0.0
  /// The update at which the adversarial term joins; the discriminator learns from 500 updates
  /// earlier.
  public var adversarialFrom = 0

  public init() {}

  /// - Parameter crop: side of the pictures.
  func validate(_ check: SettingsCheck, crop: Int) throws {
    for (name, weight) in [
      ("l1", l1), ("teacher", teacher), ("grid", grid), ("adversarial", adversarial),
    ] {
      try check(name, weight, 0...1e6)
    }
    try alex.validate(check / "alex", crop: crop)
    try vgg.validate(check / "vgg", crop: crop)
    try check("adversarialFrom", adversarialFrom, 0...1_000_000_000)
  }
}

/// L1 + LPIPS + adversarial loss of pictures in [-1, 1].
final class PictureLoss {
  let settings: PictureLossSettings
  let discriminator: PatchDiscriminator?
  let discriminatorStore: ParameterStore
  private let perceptual: [PerceptualLoss]
  /// Sides in pixels of the squares in which patterns repeat.
  private let gridPeriods: [Int]

  /// - Parameter gridPeriods: sides in pixels of squares that divide the pictures.
  init(_ settings: PictureLossSettings, gridPeriods: [Int], seed: UInt64, on device: Device) throws
  {
    self.settings = settings
    self.gridPeriods = gridPeriods
    perceptual = try [
      PerceptualLoss(.alex, settings.alex, on: device),
      PerceptualLoss(.vgg, settings.vgg, on: device),
    ].compactMap { $0 }
    discriminatorStore = ParameterStore(seed: seed, on: device)
    discriminator =
      settings.adversarial > 0
      ? try PatchDiscriminator(channels: 32, discriminatorStore.root / "discriminator") : nil
    discriminatorStore.prepareForTraining()
  }

  /// The discriminator as a group of its own, where there is one.
  var parameterGroups: [(name: String, parameters: [Parameter])] {
    discriminator == nil ? [] : [("discriminator", discriminatorStore.parameters)]
  }

  /// What is wrong with pictures of a size as validation pictures.
  func problem(validatingHeight height: Int, width: Int) -> String? {
    let needed = PerceptualLoss.smallest
    return perceptual.isEmpty || min(height, width) >= needed
      ? nil : "\(needed) are needed for LPIPS"
  }

  /// Whether the discriminator learns at update `step`.
  func trainsDiscriminator(_ step: Int) -> Bool {
    settings.adversarial > 0 && step >= settings.adversarialFrom - 500
  }

  /// prediction, truth and the teacher's picture `[B, 3, H, W]`, float32.
  func callAsFunction(
    _ prediction: Tensor, _ truth: Tensor, teacher: Tensor?, step: Int, random: RandomGenerator
  ) -> (loss: Tensor, figures: [String: Double]) {
    let l1 = (prediction - truth).abs().mean()
    var loss = l1 * settings.l1
    var figures = ["l1": l1.detached().item]
    if settings.teacher > 0 {
      let l1 = (prediction - Target.teacher.pictures(truth, teacher)).abs().mean()
      loss = loss + l1 * settings.teacher
      figures["l1_teacher"] = l1.detached().item
    }
    if settings.grid > 0 {
      let pattern = gridPattern(prediction - Target.teacher.pictures(truth, teacher))
      loss = loss + pattern * settings.grid
      figures["grid"] = pattern.detached().item
    }
    for term in perceptual {
      let distance = term(prediction, term.settings.target.pictures(truth, teacher), random)
      loss = loss + distance * term.settings.weight
      figures[term.name] = distance.detached().item
    }
    if let discriminator, step >= settings.adversarialFrom {
      discriminator.requiresGradient = false
      let adversarial = -discriminator(prediction).to(.float32).mean()
      discriminator.requiresGradient = true
      loss = loss + adversarial * settings.adversarial
      figures["adversarial"] = adversarial.detached().item
    }
    return (loss, figures)
  }

  /// Mean magnitude of what is left of an error `[B, 3, H, W]` when each place in the squares of a
  /// grid is averaged over 16x16 squares: texture and noise average out, what repeats itself stays.
  private func gridPattern(_ error: Tensor) -> Tensor {
    let patterns = gridPeriods.map { period in
      let places = error.pixelUnshuffled(period)  // [B, 3 · period², H / period, W / period]
      let means = places.resized(max(places.size(2) / 16, 1), max(places.size(3) / 16, 1), .area)
        .reshaped(error.size(0), 3, period * period, -1)
      return (means - means.mean([2], keep: true)).abs().mean()
    }
    return patterns.dropFirst().reduce(patterns[0], +)
  }

  /// Hinge loss of the discriminator: max(0, 1 − D(truth)) + max(0, 1 + D(prediction)).
  func discriminatorLoss(
    _ prediction: Tensor, _ truth: Tensor
  ) -> (loss: Tensor, figures: [String: Double]) {
    let real = discriminator!(truth).to(.float32)
    let fake = discriminator!(prediction.detached()).to(.float32)
    let loss = (1 - real).relu().mean() + (1 + fake).relu().mean()
    return (
      loss,
      [
        "discriminator": loss.detached().item, "real": real.detached().mean().item,
        "fake": fake.detached().mean().item,
      ]
    )
  }

  /// LPIPS of whole validation pictures, by network, as far as it is a part of the loss.
  func distances(_ prediction: Tensor, _ truth: Tensor) -> [String: Double] {
    Dictionary(uniqueKeysWithValues: perceptual.map { ($0.name, $0.distance(prediction, truth)) })
  }
}
