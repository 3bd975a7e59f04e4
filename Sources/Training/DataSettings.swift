/// How samples are cut from photos and pairs and how photos are degraded: the recipe's `data` section.
public struct DataSettings: Codable, Equatable, Sendable {
  public enum Degradation: String, Codable, Sendable {
    /// Two rounds of blur, resizing, noise and JPEG (Real-ESRGAN).
    case full
    /// One mild round.
    case light
    /// Antialiased bicubic shrinking only.
    case bicubic
    /// Per sample one of the three, with the probabilities of `mix`.
    case mix
  }

  public struct Mix: Codable, Equatable, Sendable {
    public var full = 0.7
    public var light = 0.2
    public var bicubic = 0.1

    public init() {}
  }

  /// Side of the high-quality crop, pixels; a multiple of 4.
  public var crop = 256
  /// Probability that the photo is shrunk before it is cropped, by a factor drawn from `rescale_range`.
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
  /// Whether the target is the sharpened photo (Real-ESRGAN's way) rather than the photo.
  public var sharpenedTarget = false
  /// Memory for the decoded pictures of each folder, MiB; what exceeds it is decoded again when it is needed.
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

  var problem: String? {
    if crop < 16 || crop % 4 != 0 { return "'data.crop' has to be a multiple of 4, at least 16" }
    if validationCrop < 16 || validationCrop % 4 != 0 {
      return "'data.validation_crop' has to be a multiple of 4, at least 16"
    }
    if !(0...1).contains(rescaleProbability) {
      return "'data.rescale_probability' has to be in 0...1"
    }
    if rescaleRange.count != 2 || rescaleRange[0] <= 0 || rescaleRange[0] > rescaleRange[1]
      || rescaleRange[1] > 1
    {
      return "'data.rescale_range' has to be [smallest, largest] within (0, 1]"
    }
    if min(mix.full, mix.light, mix.bicubic) < 0 || mix.full + mix.light + mix.bicubic <= 0 {
      return "'data.mix' holds probabilities, at least one above 0"
    }
    if min(loaderThreads, prefetch, validationBatch, previewCount) < 1 {
      return "'data.loader_threads', 'prefetch', 'validation_batch' and 'preview_count' start at 1"
    }
    if min(cacheMebibytes, validationCount, flatRetries) < 0 || flatThreshold < 0 {
      return
        "'data.cache_mebibytes', 'validation_count', 'flat_retries' and 'flat_threshold' must not be negative"
    }
    return nil
  }
}
