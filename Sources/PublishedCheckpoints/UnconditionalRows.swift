import Checkpoints
import Foundation
import NSARM
import Torch

/// A file whose null text `cfg_uncond` has the 512 rows that the published class gives it,
/// whatever number the file has: of more the first are taken, of fewer the rest is what a new model
/// of that class begins with: truncated normal numbers from seed 0, as PyTorch 2.5 draws them,
/// which its makers ask for.
struct UnconditionalRows: TensorFile {
  /// The longest text of the published class, in tokens.
  static let count = 512
  static let key = "cfg_uncond"

  private let file: any TensorFile
  private let name: String

  /// - Parameters:
  ///   - file: the checkpoint.
  ///   - name: of the null text, whose shape is `[rows, channels]`.
  init(_ file: any TensorFile, _ name: String) {
    self.file = file
    self.name = name
  }

  var title: String { file.title }
  var names: [String] { file.names }
  var metadata: [String: String] { file.metadata }

  func dtype(_ name: String) -> DType? { file.dtype(name) }
  func place(_ name: String) -> TensorPlace? { file.place(name) }
  func release(_ name: String) { file.release(name) }
  func checkWhole() throws { try file.checkWhole() }

  func shape(_ name: String) -> [Int]? {
    let shape = file.shape(name)
    guard name == self.name, let shape, shape.count == 2 else { return shape }
    return [Self.count, shape[1]]
  }

  /// - Throws: `CheckpointError` when there is no such tensor.
  func tensor(_ name: String) throws -> Tensor {
    let tensor = try file.tensor(name)
    guard name == self.name, tensor.rank == 2 else { return tensor }
    let rows = tensor.size(0)
    if rows >= Self.count { return tensor.narrowed(0, from: 0, count: Self.count).contiguous() }
    let initial = Self.initial(channels: tensor.size(1))
    return .concatenated(
      [tensor, initial.narrowed(0, from: rows, count: Self.count - rows).to(tensor.dtype)], 0)
  }

  /// Null text of a new model, `[512, channels]`: N(0, 1.2²) truncated to [-2, 2], by the inverse
  /// of its distribution, over the root of the channels.
  static func initial(channels: Int) -> Tensor {
    let (deviation, limit) = (1.2, 2.0)
    // Φ(limit / deviation) and its counterpart, from 0...1 to -1...1.
    let edge = erf(limit / deviation / 2.0.squareRoot())
    let uniform = Tensor.rand([count, channels], using: RandomGenerator(seed: 0))
    let values = uniform.floats.map { value in
      let normal = deviation * 2.0.squareRoot() * inverseErf(2 * edge * Double(value) - edge)
      return Float(min(max(normal, -limit), limit) / Double(channels).squareRoot())
    }
    return Tensor(values, shape: [count, channels])
  }

  /// erf⁻¹(y) for |y| < 1: Winitzki's approximation, then Newton's method.
  static func inverseErf(_ y: Double) -> Double {
    let a = 0.147
    let logarithm = log(1 - y * y)
    let b = 2 / (.pi * a) + logarithm / 2
    var x = ((b * b - logarithm / a).squareRoot() - b).squareRoot()
    if y < 0 { x = -x }
    for _ in 0..<4 { x -= (erf(x) - y) * (Double.pi.squareRoot() / 2) * exp(x * x) }
    return x
  }
}
