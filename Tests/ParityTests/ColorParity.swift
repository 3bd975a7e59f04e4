import Foundation
import Imaging
import ParityTestSupport
import TestSupport
import Testing

/// color.safetensors: AdaIN and wavelet colour correction.
@Suite struct ColorParity {
  @Test func correction() throws {
    let fixture = try Fixture.load("color")
    let report = ParityReport("color")
    // The reference calls the picture that is changed the target, the one that lends its colours
    // the source.
    let (source, target) = (image(fixture["in.source_u8"]), image(fixture["in.target_u8"]))
    let (x, s) = (target.planes(), source.planes())

    let adain = ColorCorrection.adain(x, style: s)
    let wavelet = ColorCorrection.wavelet(x, style: s)
    compare("out.adain_float", adain, tolerance: 1e-5)
    compare("out.wavelet_float", wavelet, tolerance: 1e-5)
    compareLevels("out.adain_u8", Image(adain, rounding: .down))
    compareLevels("out.wavelet_u8", Image(wavelet, rounding: .down))

    let low = ColorCorrection.lowPass(x)
    let high = FloatImage(
      width: x.width, height: x.height, channels: x.channels,
      values: zip(x.values, low.values).map { $0 - $1 })
    compare("out.wavelet_low", low, tolerance: 1e-5)
    compare("out.wavelet_high", high, tolerance: 1e-5)

    let resized = image(fixture["in.lr_u8"])
      .resized(toWidth: target.width, height: target.height, .bicubic)
    compareLevels("out.lr_resized_u8", resized)
    let style = resized.planes()
    let toned = Image(ColorCorrection.adain(x, style: style), rounding: .down).planes()
    compareLevels(
      "out.color_adjust_u8",
      Image(ColorCorrection.wavelet(toned, style: style), rounding: .down))

    report.finish()
    #expect(report.failures.isEmpty, "\(report.failures)")

    /// Compares planes with a tensor that may hold every n-th row and column only.
    func compare(_ name: String, _ planes: FloatImage, tolerance: Double) {
      let expected = fixture[name]
      let step = planes.height / expected.shape[2]
      var values: [Float] = []
      for c in 0..<planes.channels {
        for y in stride(from: 0, to: planes.height, by: step) {
          for x in stride(from: 0, to: planes.width, by: step) { values.append(planes[c, y, x]) }
        }
      }
      report.compare(name, values, expected.floats, tolerance: tolerance)
    }

    /// Truncation turns a rounding error next to a whole level into one level: a few pixels may
    /// differ.
    func compareLevels(_ name: String, _ image: Image) {
      let expected = fixture[name]
      let differing = zip(image.bytes, expected.bytes).filter { $0 != $1 }.count
      print("\(name): \(differing) of \(expected.count) samples differ")
      report.compare(
        name, image.bytes.map { Float($0) }, expected.floats, tolerance: 0,
        allowedOutliers: expected.count / 200, outlierTolerance: 1)
    }
  }
}
