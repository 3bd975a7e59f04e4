import Imaging

/// What a service accepts.
public struct ServiceLimits: Sendable {
  /// Bytes of a request's body.
  public var bodyBytes = 100 << 20
  /// Pixels of a picture.
  public var pixels = 50_000_000
  /// Restorations that wait.
  public var queue = 100
  public var secondsPerPicture = 3600.0
  /// Seconds that an upload may take, and for which nothing of it may come.
  public var secondsPerUpload = 600.0
  public var secondsOfSilence = 60.0
  /// Uploads at once from one address, and from all.
  public var uploadsPerAddress = 16
  public var uploads = 64
  /// Wrong tokens from one address that are looked at in a minute.
  public var wrongTokensPerMinute = 10
  /// Pictures that one address may send in a minute; nil: any number.
  public var perMinute: Int?
  /// How those are told who are named in uploads; nil: nobody is.
  public var webhooks: WebhookPolicy?

  public init() {}

  var reading: ReadOptions {
    var options = ReadOptions()
    options.maximumPixels = pixels
    options.maximumDimension = min(options.maximumDimension, pixels)
    return options
  }
}
