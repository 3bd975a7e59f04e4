import Torch

/// AdamW's moments of pieces of parameters, and the updates of these pieces.
final class SlicedAdamW {
  /// A piece of a parameter.
  struct Piece {
    let name: String
    /// The parameter's elements, in row-major order, and their number.
    let elements: Range<Int>
    let count: Int
  }

  let pieces: [Piece]
  let configuration: AdamW.Configuration
  let device: Device
  private let firstMoments, secondMoments, stepCounts: [Tensor]

  /// - Parameter pieces: at most one of each parameter.
  init(_ pieces: [Piece], _ configuration: AdamW.Configuration, on device: Device) {
    self.pieces = pieces
    self.configuration = configuration
    self.device = device
    firstMoments = pieces.map { .zeros([$0.elements.count], on: device) }
    secondMoments = pieces.map { .zeros([$0.elements.count], on: device) }
    stepCounts = pieces.map { _ in .zeros([], on: device) }
  }

  /// One update of some pieces.
  /// - Parameters:
  ///   - active: the pieces.
  ///   - values: views of their elements, which are updated in place.
  ///   - gradients: theirs, after clipping.
  func update(_ active: [Int], values: [Tensor], gradients: [Tensor], learningRate: Double) {
    guard !active.isEmpty else { return }
    configuration.update(
      .init(
        values: values, gradients: gradients, firstMoments: active.map { firstMoments[$0] },
        secondMoments: active.map { secondMoments[$0] }, stepCounts: active.map { stepCounts[$0] }),
      learningRate: learningRate)
  }

  /// The number of elements of the moments.
  var elementCount: Int { 2 * firstMoments.reduce(0) { $0 + $1.count } }

  var checkpointPieces: [CheckpointPiece] {
    pieces.enumerated().flatMap { index, piece in
      func moment(_ name: String, _ tensor: Tensor) -> CheckpointPiece {
        CheckpointPiece(
          .optimizer, name + piece.name, tensor, elements: piece.elements, of: piece.count)
      }
      return [
        moment("first_moment.", firstMoments[index]),
        moment("second_moment.", secondMoments[index]),
        // Of the ranks that count, the one with the first element writes.
        CheckpointPiece(
          .optimizer, "step_count." + piece.name, stepCounts[index],
          keeper: piece.elements.lowerBound == 0 ? .thisRank : .otherRank),
      ]
    }
  }
}
