/// Which model is meant: the name of one in a folder Models, or the path of a model folder.
public struct ModelReference: ExpressibleByStringLiteral, Sendable {
  public let name: String

  public init(_ nameOrPath: String) { name = nameOrPath }
  public init(stringLiteral value: String) { self.init(value) }

  /// The fast model that comes with the package.
  public static let nano: ModelReference = "nano"
  /// The model that comes with the package for the best pictures.
  public static let base: ModelReference = "base"
}
