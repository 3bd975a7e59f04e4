import Torch

/// A tensor of a checkpoint, or the elements of it that one rank keeps.
struct CheckpointPiece {
  /// The files of a checkpoint, without what follows their names.
  enum File: String, CaseIterable {
    case parameters, optimizer, averages
  }

  let file: File
  /// The whole tensor's name.
  let name: String
  let tensor: Tensor
  /// The elements of the whole tensor, in row-major order, and their number; nil for all.
  let part: (elements: Range<Int>, count: Int)?
  let keeper: Keeper

  /// The ranks that have a tensor.
  enum Keeper {
    /// All of them; rank 0 writes it.
    case everyRank
    /// This one writes it.
    case thisRank
    /// Some of them; another one writes it.
    case otherRank
  }

  /// A whole tensor.
  init(_ file: File, _ name: String, _ tensor: Tensor, keeper: Keeper = .everyRank) {
    (self.file, self.name, self.tensor, self.keeper) = (file, name, tensor, keeper)
    part = nil
  }

  /// Some elements of a tensor, which no other rank has.
  init(_ file: File, _ name: String, _ tensor: Tensor, elements: Range<Int>, of count: Int) {
    (self.file, self.name, self.tensor) = (file, name, tensor)
    (part, keeper) = ((elements, count), .thisRank)
  }

  /// The name in a file: "first_moment.P@4096" for elements from 4096 on.
  var nameInFile: String { part.map { "\(name)@\($0.elements.lowerBound)" } ?? name }

  /// The same piece of a tensor with a longer name.
  func prefixed(_ prefix: String) -> CheckpointPiece {
    CheckpointPiece(file, prefix + name, tensor, part, keeper)
  }

  private init(
    _ file: File, _ name: String, _ tensor: Tensor, _ part: (elements: Range<Int>, count: Int)?,
    _ keeper: Keeper
  ) {
    (self.file, self.name, self.tensor) = (file, name, tensor)
    (self.part, self.keeper) = (part, keeper)
  }
}
