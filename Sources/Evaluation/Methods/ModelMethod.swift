import Foundation
import Imaging

/// A model, or a variant of it that shows the contribution of its parts.
public struct ModelMethod: EvaluationMethod {
  public let name: String
  private let restorer: Restorer
  private let variant: Restorer.Variant
  private let identity: String

  /// - Throws: `EvaluationError` where the model's files cannot be read.
  public init(_ restorer: Restorer, _ variant: Restorer.Variant) throws {
    self.restorer = restorer
    self.variant = variant
    let model = restorer.model
    name =
      model.configuration.name.replacing("/", with: "-")
      + (variant == .restored ? "" : " \(variant.rawValue)")
    let folder = restorer.folder.path
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      .map { try FileStamp("\(folder)/\($0)").text }
    identity =
      (["\(variant.rawValue) \(model.policy.title)"] + files).joined(separator: ", ")
  }

  public var keepsPictures: Bool { true }

  public func identity(set: String, label: String) -> String { identity }

  public func restore(_ input: MethodInput) throws -> (image: Image, seconds: Double?) {
    let start = ContinuousClock.now
    let image = try restorer(variant, low: input.image, high: input.original, seed: input.seed)
    return (image, (ContinuousClock.now - start) / .seconds(1))
  }
}

extension FileStamp {
  /// The stamp as text, for comparison with an earlier state.
  var text: String { "\(path) \(size) \(modified)" }
}
