import Torch

/// Tells real pictures from made ones by the pictures themselves or by a network's activations.
protocol Discriminator: AnyObject {
  /// Float32, the higher the more real.
  func scores(_ inputs: [Tensor]) -> [Tensor]
  /// Called before each of its updates.
  func prepareUpdate()
}

extension Discriminator {
  func prepareUpdate() {}
}

/// What a discriminator learns from, outside of the graph.
struct DiscriminatorInput {
  let real, fake: [Tensor]

  init(real: [Tensor], fake: [Tensor]) {
    self.real = real.map { $0.detached() }
    self.fake = fake.map { $0.detached() }
  }
}

/// The hinge losses of adversarial training, means over the tensors of scores.
enum HingeLoss {
  /// max(0, 1 − D(real)) + max(0, 1 + D(fake)).
  static func ofDiscriminator(real: [Tensor], fake: [Tensor]) -> Tensor {
    mean(zip(real, fake).map { (1 - $0).relu().mean() + (1 + $1).relu().mean() })
  }

  /// −D(fake).
  static func ofGenerator(_ fake: [Tensor]) -> Tensor { -mean(fake.map { $0.mean() }) }

  /// Of tensors of one element.
  static func mean(_ values: [Tensor]) -> Tensor { Tensor.stacked(values).mean() }
}
