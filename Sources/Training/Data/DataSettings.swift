import Degradations
import Settings

/// The settings for cutting samples from photos and pairs and for degrading photos: the recipe's
/// `data` section.
public struct DataSettings: Codable, Equatable, Sendable {
  public enum Degradation: String, CaseIterable, Codable, Sendable {
    /// The settings of `full`: two rounds of blur, resizing, noise and JPEG (Real-ESRGAN).
    case full
    /// The settings of `light`: one mild round.
    case light
    /// Only antialiased bicubic shrinking.
    case bicubic
    /// The settings of `grain`: defocus, noise and sometimes JPEG, with a teacher's picture that
    /// keeps the defocus and the noise.
    case grain
    /// `full`, `light` or `bicubic` for each sample, with the probabilities of `mix`.
    case mix
  }

  public struct Mix: Codable, Equatable, Sendable {
    public var full = 0.7
    public var light = 0.2
    public var bicubic = 0.1

    public init() {}
  }

  /// The side of the high-quality crop in pixels; a multiple of the model's scale.
  public var crop = 256
  /// The probability that a photo is shrunk before it is cropped, by a factor drawn from
  /// `rescale_range`.
  public var rescaleProbability = 0.7
  /// The smallest and largest factor.
  public var rescaleRange = [0.5, 1.0]
  /// Whether crops are mirrored and rotated by multiples of 90°.
  public var flips = true
  /// Crops whose grey levels (0...1) have a smaller standard deviation are drawn again, at most
  /// `flat_retries` times; 0 accepts every crop.
  public var flatThreshold = 0.02
  public var flatRetries = 3
  public var degradation = Degradation.full
  public var mix = Mix()
  /// The probabilities and ranges of each kind of degradation.
  public var full = DegradationConfiguration()
  public var light = DegradationConfiguration.light
  public var grain = GrainConfiguration()
  /// Whether the target is the sharpened photo, as in Real-ESRGAN, rather than the photo.
  public var sharpenedTarget = false
  /// A file with the captions of the pictures, for models conditioned on text; without one, all
  /// samples have the null text.
  public var captions: String?
  /// The probability that the null text replaces a sample's caption.
  public var captionDropout = 0.1
  public var captionShortening = CaptionShortening()
  /// The memory for the decoded pictures of each folder in MiB; pictures beyond it are decoded
  /// again when needed.
  public var cacheMebibytes = 2048
  /// The number of threads that prepare batches, and of batches prepared in advance.
  public var loaderThreads = 1
  public var prefetch = 4
  /// The side of the centre crops of the validation pictures in pixels; smaller pictures are used
  /// as far as they reach.
  public var validationCrop = 256
  /// The number of validation pictures per batch, and in total (0 for all).
  public var validationBatch = 4
  public var validationCount = 0
  /// The number of samples in a preview sheet.
  public var previewCount = 4

  public init() {}

  func validate(_ check: SettingsCheck) throws {
    try check("crop", crop, 16...8192)
    try check("validationCrop", validationCrop, 16...8192)
    try check("rescaleProbability", rescaleProbability, 0...1)
    try check("rescaleRange", rescaleRange, 0.001...1, count: 2...2)
    try check(
      "rescaleRange", rescaleRange[0] <= rescaleRange[1],
      else: "is \(rescaleRange); expected: [smallest, largest]")
    try check("flatThreshold", flatThreshold, 0...1)
    try check("flatRetries", flatRetries, 0...1000)
    for (name, share) in [("full", mix.full), ("light", mix.light), ("bicubic", mix.bicubic)] {
      try (check / "mix")(name, share, 0...1e6)
    }
    try grain.validate(check / "grain")
    try check("mix", mix.full + mix.light + mix.bicubic > 0, else: "has no share above 0")
    try check("captions", captions != "", else: "is empty; name a file of captions")
    try check("captionDropout", captionDropout, 0...1)
    try captionShortening.validate(check / "captionShortening")
    try check("cacheMebibytes", cacheMebibytes, 0...1_000_000_000)
    try check("loaderThreads", loaderThreads, 1...256)
    try check("prefetch", prefetch, 1...1000)
    try check("validationBatch", validationBatch, 1...10_000)
    try check("validationCount", validationCount, 0...1_000_000_000)
    try check("previewCount", previewCount, 1...1000)
  }

  /// - Parameter scale: the model's scale.
  func validate(_ check: SettingsCheck, scale: Int) throws {
    for (name, side) in [("crop", crop), ("validationCrop", validationCrop)] {
      try check(
        name, side % scale == 0,
        else: "is \(side); low-quality pictures are \(scale) times smaller, so it has to be a"
          + " multiple of \(scale)")
    }
  }
}
