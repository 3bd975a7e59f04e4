import Settings

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

extension DegradationConfiguration: SettingsWithOwnKeys {
  public static let keys = general + fields("").map(\.name) + fields("2").map(\.name)
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

  /// - Throws: `ConfigurationError` for unknown keys and impossible values.
  public init(from decoder: any Decoder) throws {
    self.init()
    let container = try decoder.container(keyedBy: Key.self)
    let path = decoder.codingPath.map(\.stringValue).joined(separator: ".")
    let check = SettingsCheck(path)
    for key in container.allKeys {
      try check(
        key.stringValue, Self.keys.contains(key.stringValue),
        else: "is unknown; the keys are \(Self.keys.joined(separator: ", "))")
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
        try Self.validate(field.name, values, field.count, check)
        field.set(&round, values)
      }
    }
    try read(&first, "")
    var round = Round.second
    try read(&round, "2")
    second = try value("second_order") ?? true ? round : nil
    try check("blur_kernel_size", blurKernelSize, 7...99)
    try check(
      "blur_kernel_size", blurKernelSize % 2 == 1,
      else: "is \(blurKernelSize); an odd number is needed")
    try Self.validate("final_sinc_prob", [finalSincProbability], nil, check)
  }

  /// The range of a key's values, which bounds memory and keeps pictures recognisable.
  private static func allowed(_ name: String) -> ClosedRange<Double> {
    switch true {
    case name.contains("_prob"): 0...1
    case name.hasPrefix("blur_sigma"): 0.01...100
    case name.hasPrefix("beta"): 0.01...100
    case name.hasPrefix("resize_range"): 0.01...8
    case name.hasPrefix("noise_range"): 0...255
    case name.hasPrefix("poisson_scale_range"): 0...100
    // At 100 the simulation's quantisation tables would be 0.
    case name.hasPrefix("jpeg_range"): 1...99.9
    default: 0...1
    }
  }

  private static func validate(
    _ name: String, _ values: [Double], _ count: Int?, _ check: SettingsCheck
  ) throws {
    guard let count else { return try check(name, values[0], allowed(name)) }
    let isRange = !name.contains("_prob")
    try check(name, values, isRange ? allowed(name) : 0...1e6, count: count...count)
    if isRange {
      try check(
        name, values[0] <= values[1], else: "is \(values); expected: [smallest, largest]")
    } else {
      try check(name, values.contains { $0 > 0 }, else: "has no weight above 0")
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
