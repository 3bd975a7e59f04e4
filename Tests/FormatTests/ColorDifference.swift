import Foundation

/// A colour in CIELAB under D50.
typealias Lab = SIMD3<Double>

/// The colour difference CIEDE2000 (Sharma, Wu and Dalal 2005).
func difference2000(_ one: Lab, _ two: Lab) -> Double {
  let radian = Double.pi / 180
  let chroma = (hypot(one.y, one.z) + hypot(two.y, two.z)) / 2
  let g = 1.5 - 0.5 * (pow(chroma, 7) / (pow(chroma, 7) + pow(25, 7))).squareRoot()
  let (a1, a2) = (one.y * g, two.y * g)
  let (c1, c2) = (hypot(a1, one.z), hypot(a2, two.z))
  func hue(_ a: Double, _ b: Double) -> Double {
    guard a != 0 || b != 0 else { return 0 }
    let angle = atan2(b, a) / radian
    return angle < 0 ? angle + 360 : angle
  }
  let (h1, h2) = (hue(a1, one.z), hue(a2, two.z))
  var turn = c1 * c2 == 0 ? 0 : h2 - h1
  if turn > 180 { turn -= 360 }
  if turn < -180 { turn += 360 }
  var middle = (h1 + h2) / 2
  if c1 * c2 == 0 {
    middle = h1 + h2
  } else if abs(h1 - h2) > 180 {
    middle += h1 + h2 < 360 ? 180 : -180
  }
  let (dl, dc) = (two.x - one.x, c2 - c1)
  let dh = 2 * (c1 * c2).squareRoot() * sin(turn / 2 * radian)
  let (l, c) = ((one.x + two.x) / 2 - 50, (c1 + c2) / 2)
  let t =
    1 - 0.17 * cos((middle - 30) * radian) + 0.24 * cos(2 * middle * radian)
    + 0.32 * cos((3 * middle + 6) * radian) - 0.20 * cos((4 * middle - 63) * radian)
  let sl = dl / (1 + 0.015 * l * l / (20 + l * l).squareRoot())
  let sc = dc / (1 + 0.045 * c)
  let sh = dh / (1 + 0.015 * c * t)
  let x = (middle - 275) / 25
  let rotation =
    -2 * (pow(c, 7) / (pow(c, 7) + pow(25, 7))).squareRoot() * sin(60 * exp(-x * x) * radian)
  return max(0, sl * sl + sc * sc + sh * sh + rotation * sc * sh).squareRoot()
}
