import NSARM
import Settings
import Torch

/// Weights of a loss over a picture that follow the original's texture, the adaptive supervision
/// that the paper names as future work: w ∝ (e + e₀)^γ with e = √ mean(∂x² + ∂y²) of the grey
/// picture over a cell, 1 in the mean over every picture.
public struct TextureWeighting: Codable, Equatable, Sendable {
  /// γ: above 0, texture weighs more than flat regions; below 0, less; 0 for equal weights.
  public var exponent = 0.0
  /// e₀ in 8-bit levels per pixel: differences below it matter little.
  public var floor = 2.0

  public init() {}

  func validate(_ check: SettingsCheck) throws {
    try check("exponent", exponent, -4...4)
    try check("floor", floor, 0.01...255)
  }

  var isOff: Bool { exponent == 0 }

  /// The weights of the cells of a grid over the pictures, outside the graph.
  ///
  /// # Shapes
  /// pictures `[B, 3, H, W]` in [-1, 1] → `[B, 1, height, width]`.
  func weights(_ pictures: Tensor, _ grid: GridSize) -> Tensor {
    withoutGradients {
      let grey = pictures.to(.float32).mean([1], keep: true)
      let padded = grey.padded([0, 1, 0, 1], .replicate)
      let (height, width) = (grey.size(2), grey.size(3))
      func difference(_ down: Int, _ right: Int) -> Tensor {
        padded.narrowed(2, from: down, count: height).narrowed(3, from: right, count: width) - grey
      }
      let energy = difference(0, 1).square() + difference(1, 0).square()
      let texture = energy.resized(grid.height, grid.width, .area).sqrt() * (255 / 2)
      return normalized(((texture + floor).log() * exponent).exp())
    }
  }

  /// The weights of pixels, which follow the texture around them, over about 8 pixels: `[B, 3, H,
  /// W]` → `[B, 1, H, W]`.
  func pixelWeights(_ pictures: Tensor) -> Tensor {
    let (height, width) = (pictures.size(2), pictures.size(3))
    let cells = weights(pictures, GridSize(max(height / 8, 1), max(width / 8, 1)))
    return withoutGradients { normalized(cells.resized(height, width, .bilinear)) }
  }

  /// The weights of the tokens of all scales, 1 in the mean over each scale, `[B, L]`; nil where
  /// they are equal.
  func tokenWeights(_ pictures: Tensor, _ schedule: ScaleSchedule) -> Tensor? {
    guard !isOff else { return nil }
    return .concatenated(schedule.tokens.map { weights(pictures, $0).flattened(from: 1) }, 1)
  }

  private func normalized(_ weights: Tensor) -> Tensor {
    weights / weights.mean([1, 2, 3], keep: true)
  }
}
