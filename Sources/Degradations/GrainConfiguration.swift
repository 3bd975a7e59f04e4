import Settings

/// The ranges of a `GrainDegradation`.
public struct GrainConfiguration: Codable, Equatable, Sendable {
  /// Standard deviations of the defocus, in pixels of the low-quality picture.
  public var defocus = [0.1, 2.0]
  /// σ of Gaussian noise, in 8-bit levels.
  public var noise = [0.0, 25.0]
  /// Scales of Poisson noise.
  public var poisson = [0.0, 2.0]
  /// Probability of Poisson rather than Gaussian noise, and of the same noise in the three
  /// channels.
  public var poissonProbability = 0.5
  public var grayProbability = 0.4
  /// Probability of JPEG, and its qualities.
  public var jpegProbability = 0.5
  public var jpeg = [60.0, 95.0]

  public init() {}

  /// - Throws: `ConfigurationError` for values that are not allowed.
  public func validate(_ check: SettingsCheck) throws {
    for (name, range, allowed) in [
      ("defocus", defocus, 0.01...20), ("noise", noise, 0...255), ("poisson", poisson, 0...100),
      ("jpeg", jpeg, 1...99.9),
    ] {
      try check(name, range, allowed, count: 2...2)
      try check(
        name, range[0] <= range[1], else: "is \(range); expected: [smallest, largest]")
    }
    try check("poissonProbability", poissonProbability, 0...1)
    try check("grayProbability", grayProbability, 0...1)
    try check("jpegProbability", jpegProbability, 0...1)
  }
}
