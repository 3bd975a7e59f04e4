import Imaging
import ParityTestSupport
import TestSupport
import Testing
import Torch

@testable import Degradations

/// The fixture `degradations`: parameters are read from the tensors' names.
@Suite struct DegradationsParity {
  let fixture: Fixture

  init() throws { fixture = try Fixture.load("degradations") }

  /// The parts of a name such as "gen_aniso_k17_s2.2_1.1_t-1.1_b2.3": words, and numbers after a
  /// letter.
  private struct Label {
    var words: [String] = []
    var numbers: [Character: [Double]] = [:]
    var pad: Int?

    init(_ name: String) {
      var key: Character?
      for part in name.split(separator: "_").map(String.init) {
        if let value = Double(part), let key {
          numbers[key]?.append(value)
        } else if let value = Double(part.dropFirst()) {
          key = part.first!
          numbers[key!] = [value]
        } else if part.hasPrefix("pad"), let value = Int(part.dropFirst(3)) {
          pad = value
        } else if part == "wpi" {
          numbers["w"] = [.pi]
        } else {
          words.append(part)
        }
      }
    }

    func number(_ key: Character, _ index: Int = 0) -> Double? {
      numbers[key].flatMap { $0.indices.contains(index) ? $0[index] : nil }
    }
  }

  private func kernel(_ name: String) -> BlurKernel {
    let label = Label(name)
    let size = Int(label.number("k")!)
    let sigma = label.number("s") ?? 1
    let shape = BlurKernel.Shape(
      sigmaX: sigma, sigmaY: label.number("s", 1) ?? sigma, angle: label.number("t") ?? 0)
    let beta = label.number("b") ?? 1
    let kernel: BlurKernel
    switch label.words.first {
    case "sinc": kernel = .sinc(size: size, cutoff: label.number("w")!)
    case "gen": kernel = .generalizedGaussian(size: size, shape, beta: beta)
    case "plateau": kernel = .plateau(size: size, shape, beta: beta)
    default: kernel = .gaussian(size: size, shape)
    }
    return label.pad.map { kernel.padded(to: $0) } ?? kernel
  }

  private var image: Tensor {
    Tensor(fixture["in.image"].floats, shape: fixture["in.image"].shape)
  }

  /// The input, cropped to the height and width of an output.
  private func image(for name: String) -> Tensor {
    let shape = fixture[name].shape
    return image.narrowed(2, from: 0, count: shape[2]).narrowed(3, from: 0, count: shape[3])
      .contiguous()
  }

  @Test func everyTensor() throws {
    let report = ParityReport("degradations")
    kernels(report)
    filters(report)
    unsharpMasks(report)
    compression(report)
    rounding(report)
    report.finish()
    #expect(report.failures.isEmpty, "\(report.failures)")
  }

  /// `out.clamp_round` was made of the picture after the sinc filter.
  private func rounding(_ report: ParityReport) {
    let filtered = fixture["out.filter2D.sinc_pad21"]
    let rounded = planar(Tensor(filtered.floats, shape: filtered.shape)) { picture in
      var picture = picture
      picture.roundToLevels()
      return picture
    }
    report.compare("out.clamp_round", rounded, fixture["out.clamp_round"].floats, tolerance: 1e-6)
  }

  /// The fast form of a stage on every picture of a batch.
  private func planar(_ x: Tensor, _ stage: (FloatImage) -> FloatImage) -> [Float] {
    (0..<x.size(0)).flatMap { stage(FloatImage(x.selected(0, $0).contiguous())).values }
  }

  private func kernels(_ report: ParityReport) {
    for name in fixture.names(after: "kernel.") {
      report.compare(
        name, kernel(name).values.map { Float($0) }, fixture["kernel.\(name)"].floats,
        tolerance: 1e-6)
    }
    for name in fixture.names where name.hasPrefix("usm") {
      let shape = fixture[name].shape
      let mask = UnsharpMask(size: shape[0])
      let values = shape.count == 1 ? mask.line : mask.kernel.values
      report.compare(name, values.map { Float($0) }, fixture[name].floats, tolerance: 1e-6)
    }
  }

  private func filters(_ report: ParityReport) {
    let names = fixture.names(after: "kernel.")
    for label in fixture.names(after: "out.filter2D.") {
      let parts = label.split(separator: "_")
      let match = names.first { name in
        let of = name.split(separator: "_")
        return of.first == parts.first && parts.allSatisfy { of.contains($0) }
      }
      guard let match else {
        Issue.record("no kernel for out.filter2D.\(label)")
        continue
      }
      let (name, kernel) = ("out.filter2D.\(label)", kernel(match))
      let expected = fixture[name].floats
      report.compare(name, filter2D(image, kernel).floats, expected, tolerance: 1e-5)
      report.compare(name, planar(image) { $0.filtered(kernel) }, expected, tolerance: 1e-5)
    }
  }

  private func unsharpMasks(_ report: ParityReport) {
    for parameters in fixture.names(after: "out.usm_") {
      let label = Label(parameters)
      let mask = UnsharpMask(
        size: Int(label.number("r")!), weight: label.number("w") ?? 0.5,
        threshold: label.number("t") ?? 10)
      let expected = fixture["out.usm_\(parameters)"].floats
      report.compare("usm_\(parameters)", mask(image).floats, expected, tolerance: 1e-5)
      report.compare("usm_\(parameters)", planar(image) { mask($0) }, expected, tolerance: 1e-5)
    }
  }

  /// A coefficient on the boundary between two integers may be rounded either way: two blocks may
  /// differ.
  private func compression(_ report: ParityReport) {
    for (prefix, rounding) in [
      ("out.jpeg.q", JPEGSimulation.Rounding.nearest), ("out.jpeg_diff.q", .cubic),
    ] {
      for parameters in fixture.names(after: prefix) {
        let name = prefix + parameters
        let quality = Double(parameters.prefix { $0 != "_" })!
        let (x, jpeg) = (image(for: name), JPEGSimulation(rounding: rounding))
        let expected = fixture[name].floats
        for (form, values) in [
          ("tensor", jpeg(x, quality: quality).floats),
          ("planes", planar(x) { jpeg($0, quality: quality) }),
        ] {
          report.compare(
            "\(name) \(form)", values, expected, tolerance: 1e-4, allowedOutliers: 2 * 64 * 3,
            outlierTolerance: 0.1)
        }
      }
    }
    for name in fixture.names(after: "out.jpeg") {
      guard let end = name.lastIndex(of: "."), let quality = Double(name[..<end]),
        let index = [".y", ".cb", ".cr"].firstIndex(of: String(name[end...]))
      else { continue }
      let coefficients = JPEGSimulation().coefficients(image, quality: quality)
      report.compare(
        "jpeg\(name)", coefficients[index].floats, fixture["out.jpeg\(name)"].floats,
        tolerance: 0, allowedOutliers: 2, outlierTolerance: 1)
    }
  }
}
