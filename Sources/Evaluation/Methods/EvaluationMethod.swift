import Imaging

/// A low-quality picture as methods get it.
public struct MethodInput {
  public let set: String
  /// Unique in its set.
  public let label: String
  /// RGB of 8 bit.
  public let image: Image
  /// The original, for methods that measure what could be reached.
  public let original: Image?
  public let seed: UInt64
  /// A PNG file with the picture.
  public let file: String
  /// Where the restored picture is kept for looking at it, a PNG file.
  public let output: String
  /// Size of the restored picture.
  public let width, height: Int
}

/// A way to restore pictures.
public protocol EvaluationMethod {
  /// As the report calls it.
  var name: String { get }
  /// Everything that decides its pictures: what was restored under another identity is not reused.
  var identity: String { get }
  /// Whether restored pictures are kept; others are as quickly made again.
  var keepsPictures: Bool { get }

  /// Work for all inputs of a set at once, before they are restored one by one.
  func prepare(_ inputs: [MethodInput]) throws

  /// - Returns: RGB of 8 bit, and the seconds that it took where that is known.
  func restore(_ input: MethodInput) throws -> (image: Image, seconds: Double?)
}

extension EvaluationMethod {
  public func prepare(_ inputs: [MethodInput]) throws {}
}

/// Enlargement by interpolation.
public struct Interpolation: EvaluationMethod {
  public let filter: ResizeFilter

  public init(_ filter: ResizeFilter) { self.filter = filter }

  public var name: String { filter.rawValue }
  public var identity: String { filter.rawValue }
  public var keepsPictures: Bool { false }

  public func restore(_ input: MethodInput) throws -> (image: Image, seconds: Double?) {
    let start = ContinuousClock.now
    let image = input.image.resized(toWidth: input.width, height: input.height, filter)
    return (image, seconds(since: start))
  }
}

/// A model, or one of the ways through it that show what its parts are worth.
public struct ModelMethod: EvaluationMethod {
  public let name, identity: String
  public var keepsPictures: Bool { true }
  private let restorer: Restorer
  private let variant: Restorer.Variant

  /// - Throws: `EvaluationError` where the model's files cannot be read.
  public init(_ restorer: Restorer, _ variant: Restorer.Variant) throws {
    self.restorer = restorer
    self.variant = variant
    let model = restorer.model
    name = model.configuration.name + (variant == .restored ? "" : " \(variant.rawValue)")
    let policy = model.policy
    identity = try
      (["\(variant.rawValue) \(policy.device) \(policy.precision.rawValue)"]
      + PictureFolder.stamps(restorer.folder.path)).joined(separator: "; ")
  }

  public func restore(_ input: MethodInput) throws -> (image: Image, seconds: Double?) {
    let start = ContinuousClock.now
    let image = try restorer(variant, low: input.image, high: input.original, seed: input.seed)
    return (image, seconds(since: start))
  }
}

/// Pictures that another method has restored already: `FOLDER/SET/LABEL.png`.
public struct RestoredFolder: EvaluationMethod {
  public let name: String
  public let folder: String
  public var identity: String { folder }
  public var keepsPictures: Bool { false }
}

/// Seconds on a clock that does not jump.
func seconds(since start: ContinuousClock.Instant) -> Double {
  (ContinuousClock.now - start) / .seconds(1)
}
