import Settings

/// The settings of the adversarial term of a discriminator on VGG's activations.
public struct ProjectedLossSettings: Codable, Equatable, Sendable {
  /// The length of the term's gradient at the picture, relative to that of the other terms; 0 for
  /// no such term.
  public var weight = 0.0
  /// The update at which the term joins; it grows to its weight over `rise` updates. The
  /// discriminator learns from the first update on.
  public var from = 0

  static let rise = 40
  /// The number of VGG's layers that the discriminator sees, the first ones that LPIPS uses:
  /// relu1_2, relu2_2, relu3_3, relu4_3.
  static let layers = 4

  public init() {}

  func validate(_ check: SettingsCheck, in loss: PictureLossSettings) throws {
    try check("weight", weight, 0...1e6)
    try check("from", from, 0...1_000_000_000)
    try check(
      "weight", weight == 0 || loss.vgg.weight > 0,
      else: "is \(weight), but it needs VGG's activations: 'vgg.weight' is 0")
    try check(
      "weight", weight == 0 || loss.adversarial == 0,
      else: "is \(weight) and 'adversarial' is \(loss.adversarial); one of them has to be 0")
  }

  /// The weight at update `step`.
  func weight(step: Int) -> Double {
    weight * min(max(Double(step - from) / Double(Self.rise), 0), 1)
  }
}
