import Foundation
import ImageQuality
import Torch

/// Weights of the terms between a reconstructed picture and the truth.
public struct PictureLossSettings: Codable, Equatable, Sendable {
  /// Of the mean absolute difference.
  public var l1 = 4.0
  /// Of the mean absolute difference to the teacher's picture; where a sample has none, to the original.
  public var teacher = 0.0
  /// Of LPIPS.
  public var perceptual = 1.0
  /// Whose features LPIPS compares: alex costs a fortieth of vgg.
  public var perceptualNetwork = LPIPS.Network.vgg
  /// Both pictures are resized before LPIPS by a factor drawn per step from 1 - this to 1 + this, so that no
  /// pattern hides between the strides of its layers.
  public var perceptualZoom = 0.0
  /// The update at which LPIPS joins.
  public var perceptualFrom = 0
  /// Side of the window, at a place drawn for each step, that LPIPS sees; 0: the whole picture.
  public var perceptualWindow = 0
  /// Of the adversarial term (hinge).
  public var adversarial = 0.0
  /// The update at which the adversarial term joins; the discriminator learns from 500 updates earlier.
  public var adversarialFrom = 0

  public init() {}
}

/// L1 + LPIPS + adversarial loss of pictures in [-1, 1].
final class PictureLoss {
  let settings: PictureLossSettings
  let discriminator: PatchDiscriminator?
  let discriminatorStore: ParameterStore
  private let perceptual: LPIPS?

  init(_ settings: PictureLossSettings, seed: UInt64, on device: Device) throws {
    self.settings = settings
    perceptual =
      settings.perceptual > 0 ? try LPIPS(settings.perceptualNetwork, on: device) : nil
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

  /// Whether the discriminator learns at update `step`.
  func trainsDiscriminator(_ step: Int) -> Bool {
    settings.adversarial > 0 && step >= settings.adversarialFrom - 500
  }

  /// prediction, truth and the teacher's picture `[B, 3, H, W]`, float32; the place of LPIPS's window and its zoom
  /// are drawn from `random`.
  func callAsFunction(
    _ prediction: Tensor, _ truth: Tensor, teacher: Tensor?, step: Int, random: RandomGenerator
  ) -> (loss: Tensor, figures: [String: Double]) {
    let l1 = (prediction - truth).abs().mean()
    var loss = l1 * settings.l1
    var figures = ["l1": l1.detached().item]
    if settings.teacher > 0 {
      let l1 = (prediction - (teacher ?? truth)).abs().mean()
      loss = loss + l1 * settings.teacher
      figures["l1_teacher"] = l1.detached().item
    }
    if let perceptual, step >= settings.perceptualFrom {
      let (a, b) = window(prediction, truth, random)
      let size = zoomed([a.size(2), a.size(3)], random)
      let distance = perceptual(resized(a, size), resized(b, size)).mean()
      loss = loss + distance.to(.float32) * settings.perceptual
      figures["lpips"] = distance.detached().item
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

  /// LPIPS of the validation picture; nil where the loss has none.
  func distance(_ prediction: Tensor, _ truth: Tensor) -> Double? {
    perceptual.map { $0(prediction, truth).mean().item }
  }

  private func zoomed(_ size: [Int], _ random: RandomGenerator) -> [Int] {
    guard settings.perceptualZoom > 0 else { return size }
    let draw = Double(Tensor.rand([1], using: random).floats[0])
    let factor = 1 + settings.perceptualZoom * (2 * draw - 1)
    return size.map { max(Int((Double($0) * factor).rounded()), 32) }
  }

  private func resized(_ x: Tensor, _ size: [Int]) -> Tensor {
    size == [x.size(2), x.size(3)] ? x : x.resized(size[0], size[1], .bicubicAntialiased)
  }

  private func window(
    _ a: Tensor, _ b: Tensor, _ random: RandomGenerator
  ) -> (Tensor, Tensor) {
    let side = settings.perceptualWindow
    guard side > 0, side < min(a.size(2), a.size(3)) else { return (a, b) }
    let place = Tensor.rand([2], using: random).floats
    let y = Int(place[0] * Float(a.size(2) - side + 1))
    let x = Int(place[1] * Float(a.size(3) - side + 1))
    func cut(_ t: Tensor) -> Tensor {
      t.narrowed(2, from: y, count: side).narrowed(3, from: x, count: side)
    }
    return (cut(a), cut(b))
  }
}

/// PatchGAN (Isola et al., 2017): a score for each patch of `[B, 3, H, W]`.
final class PatchDiscriminator {
  private let convolutions: [Conv2d]
  private let parameters: [Parameter]

  init(channels: Int, _ p: ParameterScope) throws {
    let widths = [3, channels, 2 * channels, 4 * channels, 4 * channels]
    var all = try zip(widths, widths.dropFirst()).enumerated().map { i, pair in
      try Conv2d(
        pair.0, pair.1, kernel: i < 3 ? 4 : 3, stride: i < 3 ? 2 : 1, padding: 1, gain: 1.4, p / i)
    }
    all.append(try Conv2d(4 * channels, 1, p / widths.count))
    convolutions = all
    parameters = all.flatMap { [$0.weight, $0.bias!] }
  }

  var requiresGradient: Bool {
    get { parameters[0].value.requiresGradient }
    set { for parameter in parameters { parameter.value.requiresGradient = newValue } }
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var h = x.channelsLast()
    for convolution in convolutions.dropLast() { h = convolution(h).leakyRelu(0.2) }
    return convolutions.last!(h)
  }
}
