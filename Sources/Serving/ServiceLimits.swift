import Imaging

/// The limits of what a service accepts.
public struct ServiceLimits: Sendable {
  /// The size of a request's body, in bytes.
  public var bodyBytes = 100 << 20
  /// The number of pixels of a picture.
  public var pixels = 50_000_000
  /// The number of queued restorations.
  public var queue = 100
  public var secondsPerPicture = 3600.0
  /// The duration of an upload, and of a pause in it, in seconds.
  public var secondsPerUpload = 600.0
  public var secondsOfSilence = 60.0
  /// The number of concurrent uploads from one address, and from all.
  public var uploadsPerAddress = 16
  public var uploads = 64
  /// The number of wrong tokens per minute and address that are checked.
  public var wrongTokensPerMinute = 10
  /// The number of pictures per minute and address; nil: no limit.
  public var perMinute: Int?
  /// The policy for webhooks; nil: they are refused.
  public var webhooks: WebhookPolicy?

  public init() {}

  var reading: ReadOptions {
    var options = ReadOptions()
    options.maximumPixels = pixels
    options.maximumDimension = min(options.maximumDimension, pixels)
    return options
  }
}
