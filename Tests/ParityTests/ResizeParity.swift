import Foundation
import Imaging
import ParityTestSupport
import TestSupport
import Testing

/// resize.safetensors, the part that belongs to pictures: Pillow's resize, the training transform,
/// and the area and antialiased bicubic resize of float planes.
@Suite struct ResizeParity {
  /// Tensors that only this test compares.
  static let prefixes = ["out.pil_bicubic.", "out.pil_lanczos.", "out.transform."]

  @Test func pictures() throws {
    let fixture = try Fixture.load("resize")
    let report = ParityReport("resize", part: "pictures")
    let source = image(fixture["in.u8"])

    for (prefix, filter) in [
      ("out.pil_bicubic.", ResizeFilter.bicubic), ("out.pil_lanczos.", .lanczos),
    ] {
      for suffix in fixture.names(after: prefix) {
        let expected = fixture[prefix + suffix]
        let out = source.resized(toWidth: expected.shape[1], height: expected.shape[0], filter)
        report.compare(prefix + suffix, out.bytes, expected.bytes)
      }
    }
    for suffix in fixture.names(after: "out.transform.") {
      let expected = fixture["out.transform." + suffix]
      let out = source.covering(width: expected.shape[2], height: expected.shape[1])
      report.compare(
        "out.transform." + suffix, out.planes().tensor.signed.floats, expected.floats,
        tolerance: 1e-6)
    }
    // The reference computes its weights in float32, these are computed in double.
    let cases = [("out.torch_area.", ResizeFilter.area), ("out.torch_bicubic_aa.", .bicubic)]
    for (prefix, filter) in cases {
      for suffix in fixture.names(after: prefix) {
        let expected = fixture[prefix + suffix]
        let out = source.planes()
          .resized(toWidth: expected.shape[3], height: expected.shape[2], filter)
        report.compare(prefix + suffix, out.values, expected.floats, tolerance: 1e-5)
      }
    }
    report.requireCoverage(
      of: fixture.names.filter { name in Self.prefixes.contains { name.hasPrefix($0) } })
    report.finish()
    #expect(report.tensorCount > 0)
    #expect(report.failures.isEmpty, "\(report.failures)")
  }
}

/// An 8-bit picture stored `[height, width, channels]`.
func image(_ tensor: FixtureTensor) -> Image {
  Image(
    width: tensor.shape[1], height: tensor.shape[0], channels: tensor.shape[2],
    samples: .u8(tensor.bytes))
}
