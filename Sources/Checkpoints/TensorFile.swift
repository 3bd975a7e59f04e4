import Torch

/// A source that knows its tensors' types and shapes without reading them: one or several files of
/// weights.
public protocol TensorFile: TensorSource {
  /// The element type of tensor `name`, or nil where there is no such tensor.
  func dtype(_ name: String) -> DType?

  /// The shape of tensor `name`, or nil where there is no such tensor.
  func shape(_ name: String) -> [Int]?

  /// Gives back the memory in which tensor `name` was read; it is read again when it is asked for.
  /// Changes made in place to tensors of these bytes are lost. What passes through files larger
  /// than memory calls it after each tensor.
  func release(_ name: String)

  /// The free-form texts that the file holds beside its tensors.
  var metadata: [String: String] { get }

  /// The place of the bytes of tensor `name`, for readers of many in the order of the file; nil
  /// where that is not known.
  func place(_ name: String) -> TensorPlace?
}

extension TensorFile {
  public var metadata: [String: String] { [:] }
  public func place(_ name: String) -> TensorPlace? { nil }
}

/// The place of a tensor's bytes.
public struct TensorPlace: Equatable, Sendable {
  /// The title of the file, which pieces have together.
  public let file: String
  /// From the beginning of the file.
  public let bytes: Range<Int>

  /// - Parameters:
  ///   - file: the title of the file.
  ///   - bytes: from its beginning.
  public init(file: String, bytes: Range<Int>) {
    self.file = file
    self.bytes = bytes
  }
}

/// Several files with a part of the tensors each, as one source.
public struct JoinedTensorFile: TensorFile {
  public let title: String
  public let names: [String]
  public var metadata: [String: String] { parts.first?.metadata ?? [:] }

  private let parts: [any TensorFile]
  private let owners: [String: Int]

  /// - Parameter title: their name in messages.
  /// - Throws: `CheckpointError` where two of them hold a tensor of one name.
  public init(_ parts: [any TensorFile], title: String) throws {
    var owners: [String: Int] = [:]
    for (index, part) in parts.enumerated() {
      for name in part.names {
        if let other = owners.updateValue(index, forKey: name) {
          throw CheckpointError(
            part.title, "holds tensor \(quoted(name)), and so does \(parts[other].title)")
        }
      }
    }
    names = parts.flatMap(\.names)
    self.parts = parts
    self.owners = owners
    self.title = title
  }

  public func dtype(_ name: String) -> DType? { owner(name)?.dtype(name) }
  public func shape(_ name: String) -> [Int]? { owner(name)?.shape(name) }
  public func release(_ name: String) { owner(name)?.release(name) }
  public func place(_ name: String) -> TensorPlace? { owner(name)?.place(name) }
  public func checkWhole() throws { for part in parts { try part.checkWhole() } }

  /// - Throws: `CheckpointError` when no part has such a tensor.
  public func tensor(_ name: String) throws -> Tensor {
    guard let part = owner(name) else {
      throw CheckpointError(title, "has no tensor \(quoted(name))")
    }
    return try part.tensor(name)
  }

  private func owner(_ name: String) -> (any TensorFile)? { owners[name].map { parts[$0] } }
}
