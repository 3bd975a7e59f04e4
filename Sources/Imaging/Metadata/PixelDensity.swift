/// Pixels per inch, or how many times as wide as high pixels are where no unit is stated.
public struct PixelDensity: Equatable, Sendable {
  public var horizontal, vertical: Double
  /// Whether only their ratio counts.
  public var isRatio = false

  public init(horizontal: Double, vertical: Double) {
    self.horizontal = horizontal
    self.vertical = vertical
  }

  /// nil where a density is not positive and finite. Whole numbers that were stored per metre come
  /// back whole.
  init?(perMillimetre x: Double, _ y: Double) {
    func perInch(_ value: Double) -> Double {
      let rounded = (value * 25.4).rounded()
      return abs(value * 25.4 - rounded) < 0.02 ? rounded : value * 25.4
    }
    guard x > 0, y > 0, x < 1e6, y < 1e6 else { return nil }
    self.init(horizontal: perInch(x), vertical: perInch(y))
  }

  /// Numbers without a unit; nil where pixels are square: then they say nothing.
  init?(ratio x: Double, _ y: Double) {
    guard x > 0, y > 0, x < 1e6, y < 1e6, x != y else { return nil }
    self.init(horizontal: x, vertical: y)
    isRatio = true
  }

  /// Of the picture turned by a quarter.
  var turned: PixelDensity {
    var turned = self
    (turned.horizontal, turned.vertical) = (vertical, horizontal)
    return turned
  }
}
