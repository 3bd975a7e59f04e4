import Torch

/// Two files of weights of the same networks as one, whose tensors lie between theirs.
public struct InterpolatedFile: TensorFile {
  private let first, second: any TensorFile
  private let share: Double

  /// - Parameter share: 0: the first file's weights; 1: the second's.
  public init(_ first: any TensorFile, _ second: any TensorFile, share: Double) {
    self.first = first
    self.second = second
    self.share = share
  }

  public var title: String { second.title }
  public var names: [String] { second.names }
  public var metadata: [String: String] { second.metadata }

  public func dtype(_ name: String) -> DType? { second.dtype(name).map { _ in .float32 } }
  public func shape(_ name: String) -> [Int]? { second.shape(name) }

  public func release(_ name: String) {
    first.release(name)
    second.release(name)
  }

  public func checkWhole() throws {
    try first.checkWhole()
    try second.checkWhole()
  }

  /// - Throws: `CheckpointError` where one of the files has no such tensor, or one of another shape
  ///   or that is no floating-point numbers.
  public func tensor(_ name: String) throws -> Tensor {
    for file in [first, second] {
      guard let shape = file.shape(name), let dtype = file.dtype(name) else {
        throw CheckpointError(file.title, "has no tensor \(quoted(name)), which its twin has")
      }
      guard shape == second.shape(name), dtype.isFloatingPoint else {
        throw CheckpointError(
          file.title, "has tensor \(quoted(name)) in another form than its twin has it")
      }
    }
    let (a, b) = (try first.tensor(name).to(.float32), try second.tensor(name).to(.float32))
    return a * (1 - share) + b * share
  }
}
