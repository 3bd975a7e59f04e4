import Torch

/// Distinguishes real from generated pictures by their pixels or by a network's activations.
protocol Discriminator: AnyObject {
  /// The scores of pictures or activations in float32; higher is more real.
  func scores(_ inputs: [Tensor]) -> [Tensor]
  /// Called before each update of the discriminator.
  func prepareUpdate()
}

extension Discriminator {
  func prepareUpdate() {}
}

/// The inputs of a discriminator's loss, detached from the graph.
struct DiscriminatorInput {
  let real, fake: [Tensor]

  init(real: [Tensor], fake: [Tensor]) {
    self.real = real.map { $0.detached() }
    self.fake = fake.map { $0.detached() }
  }
}

/// The hinge losses of adversarial training, means over the tensors of scores.
enum HingeLoss {
  /// The discriminator's loss, max(0, 1 − D(real)) + max(0, 1 + D(fake)).
  static func ofDiscriminator(real: [Tensor], fake: [Tensor]) -> Tensor {
    mean(zip(real, fake).map { (1 - $0).relu().mean() + (1 + $1).relu().mean() })
  }

  /// The generator's loss, −D(fake).
  static func ofGenerator(_ fake: [Tensor]) -> Tensor { -mean(fake.map { $0.mean() }) }

  /// The mean of tensors of one element.
  static func mean(_ values: [Tensor]) -> Tensor { Tensor.stacked(values).mean() }
}
