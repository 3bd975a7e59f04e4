/// Pixels per inch, or the aspect ratio of a pixel if no unit is stated.
public struct PixelDensity: Equatable, Sendable {
  public var horizontal, vertical: Double
  /// Whether only the ratio of the two numbers is meaningful.
  public var isRatio = false

  public init(horizontal: Double, vertical: Double) {
    self.horizontal = horizontal
    self.vertical = vertical
  }

  /// Fails if a density is not positive and finite. Whole densities that were stored per metre are
  /// restored to whole numbers.
  init?(perMillimetre x: Double, _ y: Double) {
    func perInch(_ value: Double) -> Double {
      let rounded = (value * 25.4).rounded()
      return abs(value * 25.4 - rounded) < 0.02 ? rounded : value * 25.4
    }
    guard x > 0, y > 0, x < 1e6, y < 1e6 else { return nil }
    self.init(horizontal: perInch(x), vertical: perInch(y))
  }

  /// Numbers without a unit; nil if pixels are square, since they state nothing then.
  init?(ratio x: Double, _ y: Double) {
    guard x > 0, y > 0, x < 1e6, y < 1e6, x != y else { return nil }
    self.init(horizontal: x, vertical: y)
    isRatio = true
  }

  /// The density of the picture rotated by 90°.
  var turned: PixelDensity {
    var turned = self
    (turned.horizontal, turned.vertical) = (vertical, horizontal)
    return turned
  }
}
