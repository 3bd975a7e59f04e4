import ImageQuality
import Settings
import Torch

/// The settings of one network's LPIPS as a term of a loss.
public struct PerceptualLossSettings: Codable, Equatable, Sendable {
  /// The weight of the term; 0 for none.
  public var weight = 0.0
  /// The pictures that the prediction is compared with.
  public var target = Target.original
  /// The side in pixels of a random window that the network sees; 0 for the whole picture.
  public var window = 0
  /// Both pictures are resized by a random factor between 1 − zoom and 1 + zoom, so that no pattern
  /// hides between the strides of the network's layers.
  public var zoom = 0.0
  /// The fraction of the steps that zoom.
  public var zoomShare = 1.0

  public init() {}

  /// - Parameter crop: the side of the pictures in pixels.
  func validate(_ check: SettingsCheck, crop: Int) throws {
    try check("weight", weight, 0...1e6)
    try check(
      "weight", weight == 0 || crop >= PerceptualLoss.minimumSide,
      else:
        "is \(weight), but LPIPS needs \(PerceptualLoss.minimumSide) pixels and 'data.crop' is \(crop)"
    )
    try check("window", window, 0...8192)
    try check(
      "window", window == 0 || window >= PerceptualLoss.minimumSide,
      else: "is \(window); 0 or at least \(PerceptualLoss.minimumSide) pixels are allowed")
    try check("zoom", zoom, 0...0.9)
    try check("zoomShare", zoomShare, 0...1)
  }
}

/// LPIPS of pictures in [-1, 1] as a loss.
final class PerceptualLoss {
  /// The smallest side in pixels of LPIPS's inputs.
  static let minimumSide = 32

  /// The distance of two pictures, one element in float32, and the activations that it was computed
  /// from.
  struct Comparison {
    let distance: Tensor
    let a, b: [Tensor]
  }

  let settings: PerceptualLossSettings
  private let lpips: LPIPS

  /// Nil where the weight is 0.
  init?(_ network: LPIPS.Network, _ settings: PerceptualLossSettings, on device: Device) throws {
    guard settings.weight > 0 else { return nil }
    self.settings = settings
    lpips = try LPIPS(network, on: device)
  }

  var network: LPIPS.Network { lpips.network }
  var name: String { "lpips_\(network.rawValue)" }
  /// The number of channels of each layer's activations.
  var widths: [Int] { lpips.widths }

  /// Compares two batches `[B, 3, H, W]`; all samples of an update share the
  /// window and the zoom.
  func callAsFunction(_ a: Tensor, _ b: Tensor, _ random: UpdateRandom) -> Comparison {
    var stream = random.shared(network == .alex ? .alex : .vgg)
    let draws = (0..<3).map { _ in stream.uniform() }
    func seen(_ x: Tensor) -> [Tensor] {
      lpips.activations(zoomed(window(x, draws[0], draws[1]), draws[2]))
    }
    let (a, b) = (seen(a), seen(b))
    let distance = lpips.distance(a.map(lpips.normalized), b.map(lpips.normalized))
    return Comparison(distance: distance.mean().to(.float32), a: a, b: b)
  }

  /// The mean distance of whole pictures.
  func distance(_ a: Tensor, _ b: Tensor) -> Double { lpips(a, b).mean().item }

  private func window(_ x: Tensor, _ down: Double, _ right: Double) -> Tensor {
    let side = settings.window
    guard side > 0, side < min(x.size(2), x.size(3)) else { return x }
    return
      x.narrowed(2, from: Int(down * Double(x.size(2) - side + 1)), count: side)
      .narrowed(3, from: Int(right * Double(x.size(3) - side + 1)), count: side)
  }

  /// Zooms where `draw` is below the fraction of steps that zoom; its value determines the factor.
  /// The result is at least as large as LPIPS needs.
  private func zoomed(_ x: Tensor, _ draw: Double) -> Tensor {
    guard settings.zoom > 0, draw < settings.zoomShare else { return x }
    let factor = 1 + settings.zoom * (2 * draw / settings.zoomShare - 1)
    func size(_ n: Int) -> Int { max(Int((Double(n) * factor).rounded()), Self.minimumSide) }
    return x.resized(size(x.size(2)), size(x.size(3)), .bicubicAntialiased)
  }
}
