import Imaging

/// What a service accepts.
public struct ServiceLimits: Sendable {
  /// Bytes of a request's body, and of those that hold the picture as base64 text, which are kept
  /// in memory.
  public var bodyBytes = 100 << 20
  public static let jsonBytes = 24 << 20
  /// Pixels of a picture.
  public var pixels = 50_000_000
  /// Restorations that wait.
  public var queue = 100
  public var secondsPerPicture = 3600.0
  /// Seconds that an upload may take.
  public var secondsPerUpload = 600.0
  /// Pictures that one address may send in a minute; nil: any number.
  public var perMinute: Int?

  public init() {}

  var reading: ReadOptions {
    var options = ReadOptions()
    options.maximumPixels = pixels
    options.maximumDimension = min(options.maximumDimension, pixels)
    return options
  }
}
