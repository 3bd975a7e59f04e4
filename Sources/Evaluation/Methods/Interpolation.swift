import Imaging

/// Enlargement by interpolation.
public struct Interpolation: EvaluationMethod {
  public let filter: ResizeFilter

  public init(_ filter: ResizeFilter) { self.filter = filter }

  public var name: String { filter.rawValue }
  public var keepsPictures: Bool { false }

  public func identity(set: String, label: String) -> String { filter.rawValue }

  public func restore(_ input: MethodInput) -> (image: Image, seconds: Double?) {
    let start = ContinuousClock.now
    let image = input.image.resized(toWidth: input.width, height: input.height, filter)
    return (image, (ContinuousClock.now - start) / .seconds(1))
  }
}
