import Imaging

/// A method that restores pictures.
public protocol EvaluationMethod {
  /// The name in the report.
  var name: String { get }
  /// Whether restored pictures are kept as files; other methods can recompute them quickly.
  var keepsPictures: Bool { get }

  /// A description of everything that determines the picture of a case; results with a different
  /// identity are not reused.
  /// - Throws: `EvaluationError` where a file is missing.
  func identity(set: String, label: String) throws -> String

  /// Whether the method restores all pictures of a set at once, with `restoreAll`.
  var takesFolders: Bool { get }

  /// Restores pictures from and to PNG files.
  ///
  /// - Returns: the mean time per picture in seconds.
  func restoreAll(_ files: [(input: String, output: String)]) throws -> Double

  /// - Returns: 8-bit RGB of the requested size, and the time in seconds where it is known.
  func restore(_ input: MethodInput) throws -> (image: Image, seconds: Double?)
}

extension EvaluationMethod {
  public var takesFolders: Bool { false }

  public func restoreAll(_ files: [(input: String, output: String)]) throws -> Double {
    preconditionFailure("\(name) restores picture by picture")
  }
}

/// The input of a method: a low-quality picture.
public struct MethodInput {
  public let set: String
  /// The picture's label, unique in its set.
  public let label: String
  /// The picture as 8-bit RGB.
  public let image: Image
  /// The original, for methods that measure an upper bound.
  public let original: Image?
  public let seed: UInt64
  /// The path of a PNG file with the picture.
  public let file: String
  /// The size of the restored picture in pixels.
  public let width, height: Int

  var rect: PixelRect { PixelRect(width: width, height: height) }
}

extension ImageFile {
  /// Reads a picture, which has to have the given size, as 8-bit RGB.
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
