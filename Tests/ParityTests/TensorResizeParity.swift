import ParityTestSupport
import TestSupport
import Testing
import Torch

/// resize.safetensors, the part that belongs to tensors: resampling by size and by factor, the
/// quantiser's resampling, and pixel (un)shuffle. `ResizeParity` compares what belongs to pictures.
@Suite struct TensorResizeParity {
  @Test func tensors() throws {
    let fixture = try Fixture.load("resize")
    let report = ParityReport("resize", part: "tensors")
    let modes: [String: Tensor.Interpolation] = [
      "area": .area, "bilinear": .bilinear, "trilinear": .bilinear, "trilinear_down": .bilinear,
      "bicubic": .bicubic, "bicubic_aa": .bicubicAntialiased,
    ]
    // [H, W, C] → [1, C, H, W]
    let picture =
      fixture.tensor("in.u8").permuted(2, 0, 1).unsqueezed(0).to(.float32).contiguous() / 255
    for name in fixture.names(after: "out.torch_") {
      let shape = fixture["out.torch_" + name].shape
      let resized: Tensor
      if let parts = name.wholeMatch(of: #/sf([\d.]+)\.(\w+)/#) {
        let factor = Double(parts.1)!
        resized = picture.resized(
          shape[2], shape[3], modes[String(parts.2)]!, factors: (factor, factor))
      } else {
        resized = picture.resized(shape[2], shape[3], modes[String(name.prefix { $0 != "." })]!)
      }
      // Source coordinates are float32: their last place times the slope of the picture.
      report.compare("out.torch_" + name, resized, fixture, tolerance: 1e-5)
    }
    let latent = fixture.tensor("in.z5").squeezed(2)
    for name in fixture.names(after: "out.z5_") {
      let shape = fixture["out.z5_" + name].shape  // [B, d, 1, h, w]
      let mode = modes[String(name.prefix { $0 != "." })]!
      let resized = latent.resized(shape[3], shape[4], mode).unsqueezed(2)
      report.compare("out.z5_" + name, resized, fixture, tolerance: 1e-5)
    }
    let cells = fixture.tensor("in.px").to(.float32)
    for name in fixture.names(after: "out.pixel_unshuffle") {
      let unshuffled = cells.pixelUnshuffled(Int(name)!)
      report.compareExactly("out.pixel_unshuffle" + name, unshuffled, fixture)
    }
    for name in fixture.names(after: "out.pixel_shuffle") {
      // The reference shuffles the first elements of in.px in the shape that gives the stored one.
      let (factor, shape) = (Int(name)!, fixture["out.pixel_shuffle" + name].shape)
      let input = cells.flattened().narrowed(0, from: 0, count: shape.reduce(1, *))
        .reshaped(shape[0], shape[1] * factor * factor, shape[2] / factor, shape[3] / factor)
      report.compareExactly("out.pixel_shuffle" + name, input.pixelShuffled(factor), fixture)
    }
    report.requireCoverage(
      of: fixture.expectations.filter { name in
        !ResizeParity.prefixes.contains { name.hasPrefix($0) }
      })
    report.finish()
    #expect(report.failures.isEmpty, "\(report.failures)")
  }
}
