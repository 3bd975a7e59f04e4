import Imaging

/// A way to restore pictures.
public protocol EvaluationMethod {
  /// As the report calls it.
  var name: String { get }
  /// Whether restored pictures are kept as files; others are as quickly had again.
  var keepsPictures: Bool { get }

  /// Everything that decides its picture of a case: what was restored under another identity is
  /// not used again.
  /// - Throws: `EvaluationError` where a file is missing.
  func identity(set: String, label: String) throws -> String

  /// Whether it restores all pictures of a set at once, with `restoreAll`.
  var takesFolders: Bool { get }

  /// Restores pictures from and to PNG files.
  ///
  /// - Returns: the mean seconds for a picture.
  func restoreAll(_ files: [(input: String, output: String)]) throws -> Double

  /// - Returns: RGB of 8 bit of the size that is asked for, and the seconds that it took where that
  ///   is known.
  func restore(_ input: MethodInput) throws -> (image: Image, seconds: Double?)
}

extension EvaluationMethod {
  public var takesFolders: Bool { false }

  public func restoreAll(_ files: [(input: String, output: String)]) throws -> Double {
    preconditionFailure("\(name) restores picture by picture")
  }
}

/// A low-quality picture as a method gets it.
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
  /// Size of the restored picture.
  public let width, height: Int

  var rect: PixelRect { PixelRect(width: width, height: height) }
}

extension ImageFile {
  /// A picture that has to have a certain size, as RGB of 8 bit.
  /// - Throws: `ImagingError`; `EvaluationError` where it has another size.
  static func readRGB(_ path: String, width: Int, height: Int) throws -> Image {
    let image = try readRGB(path)
    guard image.width == width, image.height == height else {
      throw EvaluationError(
        "\(path): \(image.width)x\(image.height) pixels, expected \(width)x\(height)")
    }
    return image
  }
}
