import ImageQuality
import Settings
import Torch

/// How one network's LPIPS takes part in a loss.
public struct PerceptualLossSettings: Codable, Equatable, Sendable {
  /// 0: not at all.
  public var weight = 0.0
  /// The pictures that it compares with.
  public var target = Target.original
  /// Side of the window, at a place drawn for each step, that it sees; 0: the whole picture.
  public var window = 0
  /// Both pictures are resized by a factor drawn for each step from 1 − zoom to 1 + zoom, so that
  /// no pattern hides between the strides of the network's layers.
  public var zoom = 0.0
  /// Share of the steps that zoom at all.
  public var zoomShare = 1.0

  public init() {}

  /// - Parameter crop: side of the pictures.
  func validate(_ check: SettingsCheck, crop: Int) throws {
    try check("weight", weight, 0...1e6)
    try check(
      "weight", weight == 0 || crop >= PerceptualLoss.smallest,
      else:
        "is \(weight), but LPIPS needs \(PerceptualLoss.smallest) pixels and 'data.crop' is \(crop)"
    )
    try check("window", window, 0...8192)
    try check(
      "window", window == 0 || window >= PerceptualLoss.smallest,
      else: "is \(window); 0 or at least \(PerceptualLoss.smallest) pixels are allowed")
    try check("zoom", zoom, 0...0.9)
    try check("zoomShare", zoomShare, 0...1)
  }
}

/// LPIPS of pictures in [-1, 1] as a loss.
final class PerceptualLoss {
  /// Pixels a side that LPIPS needs.
  static let smallest = 32

  /// A distance of two pictures, one element in float32, and the network's activations that it
  /// comes from.
  struct Comparison {
    let distance: Tensor
    let a, b: [Tensor]
  }

  let settings: PerceptualLossSettings
  private let lpips: LPIPS

  /// Nil where its weight is 0.
  init?(_ network: LPIPS.Network, _ settings: PerceptualLossSettings, on device: Device) throws {
    guard settings.weight > 0 else { return nil }
    self.settings = settings
    lpips = try LPIPS(network, on: device)
  }

  var network: LPIPS.Network { lpips.network }
  var name: String { "lpips_\(network.rawValue)" }
  /// The channels of the activations.
  var widths: [Int] { lpips.widths }

  /// Of `[B, 3, H, W]` twice; the window and the zoom are drawn from `random`.
  func callAsFunction(_ a: Tensor, _ b: Tensor, _ random: RandomGenerator) -> Comparison {
    let draws = Tensor.rand([3], using: random).floats.map(Double.init)
    func seen(_ x: Tensor) -> [Tensor] {
      lpips.activations(zoomed(window(x, draws[0], draws[1]), draws[2]))
    }
    let (a, b) = (seen(a), seen(b))
    let distance = lpips.distance(a.map(lpips.normalized), b.map(lpips.normalized))
    return Comparison(distance: distance.mean().to(.float32), a: a, b: b)
  }

  /// Of whole pictures.
  func distance(_ a: Tensor, _ b: Tensor) -> Double { lpips(a, b).mean().item }

  private func window(_ x: Tensor, _ down: Double, _ right: Double) -> Tensor {
    let side = settings.window
    guard side > 0, side < min(x.size(2), x.size(3)) else { return x }
    return
      x.narrowed(2, from: Int(down * Double(x.size(2) - side + 1)), count: side)
      .narrowed(3, from: Int(right * Double(x.size(3) - side + 1)), count: side)
  }

  /// At least as large as LPIPS needs. Draws below the share of steps that zoom say how far.
  private func zoomed(_ x: Tensor, _ draw: Double) -> Tensor {
    guard settings.zoom > 0, draw < settings.zoomShare else { return x }
    let factor = 1 + settings.zoom * (2 * draw / settings.zoomShare - 1)
    func size(_ n: Int) -> Int { max(Int((Double(n) * factor).rounded()), Self.smallest) }
    return x.resized(size(x.size(2)), size(x.size(3)), .bicubicAntialiased)
  }
}
