import Settings

/// The settings of preference tuning: a term that makes the bits of a better picture likelier than
/// those of a worse one, compared with the model that the run started from.
public struct PreferenceSettings: Codable, Equatable, Sendable {
  /// The pairs of pictures.
  public enum Pairs: String, CaseIterable, Codable, Sendable {
    /// The original, preferred to the low-quality picture enlarged (Sanchez et al., 2025,
    /// arXiv 2506.04990).
    case lowQuality = "low_quality"
    /// The original, preferred to what the start model generates (as self-play, Chen et al., 2024).
    case generated
    /// Of two pictures that the start model generates, the one nearer to the original in the mean
    /// absolute difference, preferred to the other.
    case ranked
  }

  /// The weight of the term; 0 for none.
  public var weight = 0.0
  /// β: the steepness in differences of log-likelihoods, mean nats per bit, weighted by scale.
  public var beta = 100.0
  public var pairs = Pairs.lowQuality
  /// The temperature of generated pictures.
  public var temperature = 1.0

  public init() {}

  func validate(_ check: SettingsCheck) throws {
    try check("weight", weight, 0...1e6)
    try check("beta", beta, 1e-6...1e6)
    try check("temperature", temperature, 0.01...100)
  }
}
