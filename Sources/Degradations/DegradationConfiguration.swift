import Foundation

/// The ranges and probabilities of a degradation; the coded names are BasicSR's (`blur_sigma`,
/// `resize_prob`, `jpeg_range2`, ...). The default is Real-ESRGAN's second-order model; missing
/// keys keep its values.
public struct DegradationConfiguration: Equatable, Sendable {
  /// One pass of blur, resize, noise and JPEG.
  public struct Round: Equatable, Sendable {
    /// Probability of any blur (`second_blur_prob` for the second round).
    public var blurProbability: Double
    /// Weights of the kernels in the order of `BlurKernelKind` (`kernel_prob`).
    public var kernelProbabilities = [0.45, 0.25, 0.12, 0.03, 0.12, 0.03]
    /// Probability of a sinc kernel instead of one of those (`sinc_prob`).
    public var sincProbability = 0.1
    /// Standard deviations in pixels (`blur_sigma`).
    public var blurSigma: ClosedRange<Double>
    /// β of generalised Gaussians (`betag_range`) and of plateaus (`betap_range`); half of the
    /// draws are below 1, half above, where the range has both.
    public var generalizedBeta: ClosedRange<Double> = 0.5...4
    public var plateauBeta: ClosedRange<Double> = 1...2
    /// Weights of enlarging, shrinking and keeping the size (`resize_prob`).
    public var resizeProbabilities: [Double]
    /// Smallest and largest factor (`resize_range`).
    public var resizeRange: ClosedRange<Double>
    /// Probability of any noise (`noise_prob`).
    public var noiseProbability = 1.0
    /// Probability that noise is Gaussian rather than Poisson (`gaussian_noise_prob`).
    public var gaussianNoiseProbability = 0.5
    /// σ of Gaussian noise in 8-bit levels (`noise_range`).
    public var noiseRange: ClosedRange<Double>
    /// Scale of Poisson noise (`poisson_scale_range`).
    public var poissonScaleRange: ClosedRange<Double>
    /// Probability of the same noise in the three channels (`gray_noise_prob`).
    public var grayNoiseProbability = 0.4
    /// JPEG quality (`jpeg_range`).
    public var jpegRange: ClosedRange<Double> = 30...95

    /// The first round of Real-ESRGAN.
    public static let first = Round(
      blurProbability: 1, blurSigma: 0.2...3, resizeProbabilities: [0.2, 0.7, 0.1],
      resizeRange: 0.15...1.5, noiseRange: 1...30, poissonScaleRange: 0.05...3)
    /// The second round of Real-ESRGAN.
    public static let second = Round(
      blurProbability: 0.8, blurSigma: 0.2...1.5, resizeProbabilities: [0.3, 0.4, 0.3],
      resizeRange: 0.3...1.2, noiseRange: 1...25, poissonScaleRange: 0.05...2.5)
  }

  /// Whether the picture is sharpened by `UnsharpMask` first (`gt_usm`).
  public var sharpens = true
  /// Largest kernel size (`blur_kernel_size`); sizes are the odd numbers from 7 on.
  public var blurKernelSize = 21
  public var first = Round.first
  /// The second round; `nil` leaves it out (`second_order: false`).
  public var second: Round? = Round.second
  /// Probability of the final sinc filter (`final_sinc_prob`).
  public var finalSincProbability = 0.8

  public init() {}

  /// One mild round: resize factors 0.5 to 1.5, noise with probability 0.3 and σ up to 20 levels,
  /// JPEG quality 60 to 95, no final sinc filter.
  public static let light: DegradationConfiguration = {
    var light = DegradationConfiguration()
    light.first.resizeRange = 0.5...1.5
    light.first.noiseProbability = 0.3
    light.first.noiseRange = 1...20
    light.first.jpegRange = 60...95
    light.second = nil
    light.finalSincProbability = 0
    return light
  }()
}

/// A configuration that makes no sense, with the key to change.
public struct DegradationConfigurationError: LocalizedError, CustomStringConvertible {
  public let description: String
  public var errorDescription: String? { description }
}

extension DegradationConfiguration: Codable {
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }

  private static let general = ["gt_usm", "blur_kernel_size", "second_order", "final_sinc_prob"]
  private typealias Field = (
    name: String, get: (Round) -> [Double], set: (inout Round, [Double]) -> Void, count: Int?
  )

  private static func number(_ name: String, _ path: WritableKeyPath<Round, Double> & Sendable)
    -> Field
  {
    (name, { [$0[keyPath: path]] }, { $0[keyPath: path] = $1[0] }, nil)
  }
  private static func weights(
    _ name: String, _ count: Int, _ path: WritableKeyPath<Round, [Double]> & Sendable
  ) -> Field {
    (name, { $0[keyPath: path] }, { $0[keyPath: path] = $1 }, count)
  }
  private static func range(
    _ name: String, _ path: WritableKeyPath<Round, ClosedRange<Double>> & Sendable
  ) -> Field {
    (
      name, { [$0[keyPath: path].lowerBound, $0[keyPath: path].upperBound] },
      { $0[keyPath: path] = $1[0]...$1[1] }, 2
    )
  }

  /// The keys of a round; `suffix` is "" or "2".
  private static func fields(_ suffix: String) -> [Field] {
    [
      number(suffix.isEmpty ? "blur_prob" : "second_blur_prob", \.blurProbability),
      weights("kernel_prob" + suffix, 6, \.kernelProbabilities),
      number("sinc_prob" + suffix, \.sincProbability),
      range("blur_sigma" + suffix, \.blurSigma),
      range("betag_range" + suffix, \.generalizedBeta),
      range("betap_range" + suffix, \.plateauBeta),
      weights("resize_prob" + suffix, 3, \.resizeProbabilities),
      range("resize_range" + suffix, \.resizeRange),
      number("noise_prob" + suffix, \.noiseProbability),
      number("gaussian_noise_prob" + suffix, \.gaussianNoiseProbability),
      range("noise_range" + suffix, \.noiseRange),
      range("poisson_scale_range" + suffix, \.poissonScaleRange),
      number("gray_noise_prob" + suffix, \.grayNoiseProbability),
      range("jpeg_range" + suffix, \.jpegRange),
    ]
  }

  /// - Throws: `DegradationConfigurationError` for unknown keys and impossible values.
  public init(from decoder: any Decoder) throws {
    self.init()
    let container = try decoder.container(keyedBy: Key.self)
    let known = Self.general + Self.fields("").map(\.name) + Self.fields("2").map(\.name)
    for key in container.allKeys where !known.contains(key.stringValue) {
      throw DegradationConfigurationError(
        description:
          "degradation: unknown key \(key.stringValue); the keys are "
          + known.joined(separator: ", ")
      )
    }
    func value<Value: Decodable>(_ name: String, _: Value.Type = Value.self) throws -> Value? {
      try container.decodeIfPresent(Value.self, forKey: Key(name))
    }
    sharpens = try value("gt_usm") ?? sharpens
    blurKernelSize = try value("blur_kernel_size") ?? blurKernelSize
    finalSincProbability = try value("final_sinc_prob") ?? finalSincProbability
    func read(_ round: inout Round, _ suffix: String) throws {
      for field in Self.fields(suffix) where container.contains(Key(field.name)) {
        let values =
          field.count == nil
          ? [try container.decode(Double.self, forKey: Key(field.name))]
          : try container.decode([Double].self, forKey: Key(field.name))
        try Self.check(field.name, values, field.count)
        field.set(&round, values)
      }
    }
    try read(&first, "")
    var round = Round.second
    try read(&round, "2")
    second = try value("second_order") ?? true ? round : nil
    guard blurKernelSize >= 7, blurKernelSize % 2 == 1 else {
      throw DegradationConfigurationError(
        description:
          "degradation: blur_kernel_size is odd and at least 7, not \(blurKernelSize)")
    }
    try Self.check("final_sinc_prob", [finalSincProbability], nil)
  }

  private static func check(_ name: String, _ values: [Double], _ count: Int?) throws {
    func fail(_ what: String) -> DegradationConfigurationError {
      DegradationConfigurationError(description: "degradation: \(name) is \(what), not \(values)")
    }
    if let count, values.count != count { throw fail("a list of \(count) numbers") }
    if !values.allSatisfy({ $0.isFinite && $0 >= 0 }) { throw fail("not negative") }
    if name.contains("_prob") {
      if count == nil, values[0] > 1 { throw fail("a probability from 0 to 1") }
      if count != nil, values.reduce(0, +) <= 0 { throw fail("a list with a positive weight") }
    } else if count == 2, values[0] > values[1] {
      throw fail("a range [smallest, largest]")
    }
    let positive = ["blur_sigma", "resize_range", "jpeg_range"]
    if positive.contains(where: name.hasPrefix), values[0] <= 0 { throw fail("above zero") }
    if name.hasPrefix("jpeg_range"), values[1] >= 100 {
      throw fail("a range of qualities below 100")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(sharpens, forKey: Key("gt_usm"))
    try container.encode(blurKernelSize, forKey: Key("blur_kernel_size"))
    try container.encode(second != nil, forKey: Key("second_order"))
    try container.encode(finalSincProbability, forKey: Key("final_sinc_prob"))
    for (round, suffix) in [(Optional(first), ""), (second, "2")] {
      guard let round else { continue }
      for field in Self.fields(suffix) {
        if field.count == nil {
          try container.encode(field.get(round)[0], forKey: Key(field.name))
        } else {
          try container.encode(field.get(round), forKey: Key(field.name))
        }
      }
    }
  }
}
