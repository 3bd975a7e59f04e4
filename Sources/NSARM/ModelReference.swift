/// Which model is meant: the name of one in a folder Models, or the path of a model folder.
public struct ModelReference: ExpressibleByStringLiteral, Sendable {
  public let name: String

  public init(_ nameOrPath: String) { name = nameOrPath }
  public init(stringLiteral value: String) { self.init(value) }

  /// The small model that comes with the package.
  public static let nano: ModelReference = "nano"
}
