import Foundation
import Torch

/// 2-D rotary position embedding (`Documentation/method.md`, "Rotary embedding";
/// `rope2d_normalized_by_hw = 2`): the first half of the head dimension turns by the row, the
/// second by the column, in pairs (2i, 2i + 1), with θ_i = 10000^(−2i / (c / 2)). Cell (y, x) of
/// scale k stands at (round(y · h_R / h_k), round(x · w_R / w_k)) of the reference grid R, so that
/// cells over the same place of the picture turn alike at every scale.
public struct RotaryEmbedding: Sendable {
  /// Of the angle of every token and pair of channels, `[L, c / 2]`.
  public let cosines, sines: Tensor
  /// Rows and columns on the reference grid.
  public let positions: [(y: Int, x: Int)]

  public init(
    _ schedule: ScaleSchedule, reference: GridSize, headDimension: Int, on device: Device = .cpu
  ) {
    let quarter = headDimension / 4
    let frequencies = (0..<quarter).map { i in
      Float(1 / pow(10000, Double(2 * i) / Double(headDimension / 2)))
    }
    var positions: [(y: Int, x: Int)] = []
    for size in schedule.tokens {
      for y in 0..<size.height {
        for x in 0..<size.width {
          positions.append(
            (
              Self.position(y, of: size.height, on: reference.height),
              Self.position(x, of: size.width, on: reference.width)
            ))
        }
      }
    }
    let angles = positions.flatMap { place in
      frequencies.map { Float(place.y) * $0 } + frequencies.map { Float(place.x) * $0 }
    }
    let tensor = Tensor(angles, shape: [positions.count, 2 * quarter])
    cosines = tensor.cos().to(device)
    sines = tensor.sin().to(device)
    self.positions = positions
  }

  /// Half to even, in float32 as the reference computes it.
  private static func position(_ cell: Int, of count: Int, on reference: Int) -> Int {
    Int((Float(cell) * (Float(reference) / Float(count))).rounded(.toNearestOrEven))
  }

  /// Cosines and sines of the tokens `range` of the sequence, `[L, c / 2]`.
  public func cosSin(_ range: Range<Int>) -> (cosines: Tensor, sines: Tensor) {
    (
      cosines.narrowed(0, from: range.lowerBound, count: range.count),
      sines.narrowed(0, from: range.lowerBound, count: range.count)
    )
  }

  /// Those of the tokens `range` at places `indices` `[B, n]` of it, `[B, n, c / 2]`.
  func cosSin(_ range: Range<Int>, at indices: Tensor) -> (cosines: Tensor, sines: Tensor) {
    let (cosines, sines) = cosSin(range)
    func selected(_ x: Tensor) -> Tensor {
      x.selected(0, indices: indices.flattened()).reshaped(indices.shape + [-1])
    }
    return (selected(cosines), selected(sines))
  }
}
