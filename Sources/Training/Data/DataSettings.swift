import Degradations
import Settings

/// How samples are cut from photos and pairs and how photos are degraded: the recipe's `data`
/// section.
public struct DataSettings: Codable, Equatable, Sendable {
  public enum Degradation: String, CaseIterable, Codable, Sendable {
    /// As `full` says: two rounds of blur, resizing, noise and JPEG (Real-ESRGAN).
    case full
    /// As `light` says: one mild round.
    case light
    /// Antialiased bicubic shrinking only.
    case bicubic
    /// As `grain` says: defocus, noise and some JPEG, with a teacher's picture that keeps the
    /// defocus and the noise.
    case grain
    /// Per sample `full`, `light` or `bicubic`, with the probabilities of `mix`.
    case mix
  }

  public struct Mix: Codable, Equatable, Sendable {
    public var full = 0.7
    public var light = 0.2
    public var bicubic = 0.1

    public init() {}
  }

  /// Side of the high-quality crop, pixels; a multiple of the model's scale.
  public var crop = 256
  /// Probability that the photo is shrunk before it is cropped, by a factor drawn from
  /// `rescale_range`.
  public var rescaleProbability = 0.7
  /// The smallest and largest factor.
  public var rescaleRange = [0.5, 1.0]
  /// Whether crops are mirrored and turned by quarters of a circle.
  public var flips = true
  /// Crops whose grey levels (0...1) have a smaller standard deviation are drawn again, at most
  /// `flat_retries` times; 0 accepts every crop.
  public var flatThreshold = 0.02
  public var flatRetries = 3
  public var degradation = Degradation.full
  public var mix = Mix()
  /// The probabilities and ranges of the kinds.
  public var full = DegradationConfiguration()
  public var light = DegradationConfiguration.light
  public var grain = GrainConfiguration()
  /// Whether the target is the sharpened photo (Real-ESRGAN's way) rather than the photo.
  public var sharpenedTarget = false
  /// A file of captions of the pictures, for models conditioned on text; absent: their null text.
  public var captions: String?
  /// Probability that the null text stands in for a sample's caption.
  public var captionDropout = 0.1
  /// Memory for the decoded pictures of each folder, MiB; what exceeds it is decoded again when it
  /// is needed.
  public var cacheMebibytes = 2048
  /// Threads that prepare batches, and batches that they prepare ahead.
  public var loaderThreads = 1
  public var prefetch = 4
  /// Side of the centre crops of the validation pictures, pixels; larger than a picture: what fits.
  public var validationCrop = 256
  /// Validation pictures per batch, and at most in all (0: all).
  public var validationBatch = 4
  public var validationCount = 0
  /// Samples in a preview sheet.
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
    try check("cacheMebibytes", cacheMebibytes, 0...1_000_000_000)
    try check("loaderThreads", loaderThreads, 1...256)
    try check("prefetch", prefetch, 1...1000)
    try check("validationBatch", validationBatch, 1...10_000)
    try check("validationCount", validationCount, 0...1_000_000_000)
    try check("previewCount", previewCount, 1...1000)
  }

  /// - Parameter scale: of the model.
  func validate(_ check: SettingsCheck, scale: Int) throws {
    for (name, side) in [("crop", crop), ("validationCrop", validationCrop)] {
      try check(
        name, side % scale == 0,
        else: "is \(side); low-quality pictures are \(scale) times smaller, so that it has to be a"
          + " multiple of \(scale)")
    }
  }
}
