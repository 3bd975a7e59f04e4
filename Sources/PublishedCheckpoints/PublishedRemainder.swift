import Checkpoints
import NSARM
import Torch

/// The tensors of a checkpoint that do not go into a model, and the reasons.
public struct PublishedRemainder {
  /// Names that are left out knowingly: buffers with constants, which every model has.
  public var constants: [String] = []
  /// Names that the published script ignores: other dictionaries, such as an optimiser's state or
  /// averaged weights, and what is part of training only.
  public var ignored: [String] = []
  /// Keys that are missing and that have another shape, type or meaning than in the model; a
  /// checkpoint with any is not converted.
  public var problems: [String] = []

  /// All that is left out.
  public var dropped: [String] { constants + ignored }

  /// Nothing that is left out.
  public init() {}

  /// The remainder of two checkpoints.
  /// - Parameters:
  ///   - a: the one whose names come first.
  ///   - b: the one whose names follow.
  public static func + (a: PublishedRemainder, b: PublishedRemainder) -> PublishedRemainder {
    var sum = a
    sum.constants += b.constants
    sum.ignored += b.ignored
    sum.problems += b.problems
    return sum
  }

  /// Names in few words: those that differ in numbers alone together,
  /// "block_chunks.*.module.*.sa.zero_k_bias (40)", and of parts with many names the part alone,
  /// "vae.discriminator.blocks.* (52)".
  /// - Parameter names: in any order.
  public static func summary(_ names: [String]) -> [String] {
    let patterns = counted(
      names.map { name in
        let levels = name.split(separator: ".", omittingEmptySubsequences: false)
        return (levels.map { $0.allSatisfy(\.isNumber) ? "*" : $0 }.joined(separator: "."), 1)
      })
    let parts = [(3, 4), (2, 8), (1, 12)].reduce(patterns) { names, limit in
      collapsed(names, levels: limit.0, most: limit.1)
    }
    return parts.map { $0.count == 1 ? $0.name : "\($0.name) (\($0.count))" }
  }

  /// Names of which more than `most` have the first levels in common, replaced by those levels.
  private static func collapsed(
    _ names: [(name: String, count: Int)], levels: Int, most: Int
  ) -> [(name: String, count: Int)] {
    func part(_ name: String) -> String? {
      let all = name.split(separator: ".", omittingEmptySubsequences: false)
      return all.count > levels ? all.prefix(levels).joined(separator: ".") + ".*" : nil
    }
    let sizes = Dictionary(grouping: names.compactMap { part($0.name) }) { $0 }
    return counted(
      names.map { name, count in
        guard let part = part(name), sizes[part]!.count > most else { return (name, count) }
        return (part, count)
      })
  }

  /// Equal names together, in the order of their first ones.
  private static func counted(
    _ names: [(name: String, count: Int)]
  ) -> [(name: String, count: Int)] {
    var places: [String: Int] = [:]
    var result: [(name: String, count: Int)] = []
    for (name, count) in names {
      if let place = places[name] {
        result[place].count += count
      } else {
        places[name] = result.count
        result.append((name, count))
      }
    }
    return result
  }

  /// - Parameter file: the checkpoint that has the problems.
  /// - Throws: `CheckpointError` with the first problem.
  func check(of file: any TensorFile) throws {
    guard let problem = problems.first else { return }
    let prefix = file.title + ": "
    throw CheckpointError(
      file.title, problem.hasPrefix(prefix) ? String(problem.dropFirst(prefix.count)) : problem)
  }

  /// Notes what keeps a weight from being one of this shape.
  mutating func check(_ weight: PublishedWeight, _ shape: [Int]) {
    let place = "\(weight.file.title): '\(weight.key)'"
    if weight.shape != shape {
      problems.append("\(place) has shape \(weight.shape), expected \(shape)")
    } else if !weight.dtype.isFloatingPoint {
      problems.append("\(place) holds no real numbers")
    }
  }

  /// Notes biases of keys that are not the zeros that they are in every published checkpoint.
  /// - Parameters:
  ///   - names: of the biases.
  ///   - file: where they are.
  /// - Throws: `CheckpointError` where the file cannot be read.
  mutating func checkKeyBiases(_ names: [String], in file: any TensorFile) throws {
    for name in names {
      // Anything longer is no bias.
      guard let shape = file.shape(name), shape.count == 1, shape[0] <= 1 << 20 else { continue }
      guard try !file.tensor(name).floats.allSatisfy({ $0 == 0 }) else { continue }
      problems.append(
        "\(file.title): '\(name)' is not zero: the published code adds it to the keys of attention,"
          + " which have no bias here; such a checkpoint cannot be run")
    }
  }
}
