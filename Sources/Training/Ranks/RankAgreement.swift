import Foundation
import Torch

/// What the ranks of a run compare with one another.
extension Ranks {
  /// Compares what this rank is about to train with what rank 0 is.
  /// - Throws: `TrainingError.differentRank` on ranks that differ.
  func compare(
    _ recipe: TrainingRecipe, _ inputs: RunInputs, _ policy: ComputePolicy
  ) throws {
    guard group != nil else { return }
    let titles = [
      "another recipe", "other pictures or captions, or other weights of the folders",
      "another initial model", "\(policy.precision.rawValue) instead of rank 0's precision",
    ]
    let own = [recipe.text, inputs.data, inputs.initial ?? "", policy.precision.rawValue].map {
      $0.utf8.reduce(0) { RandomStream.key($0, UInt64($1)) }
    }
    let differences = zip(titles, zip(own, try ofFirst(own))).filter { $1.0 != $1.1 }.map(\.0)
    guard differences.isEmpty else {
      throw TrainingError.differentRank(rank: rank, differences: differences)
    }
  }

  /// Gives all ranks the state that rank 0 has made or restored, apart from what each keeps alone.
  func share(_ state: TrainingState) throws {
    guard group != nil else { return }
    for piece in state.pieces where piece.keeper == .everyRank { try share([piece.tensor]) }
    state.step = Int(try ofFirst(Double(state.step)))
    state.seconds = try ofFirst(state.seconds)
    state.saved = Int(exactly: try ofFirst(Double(state.saved ?? -1))).flatMap { $0 < 0 ? nil : $0 }
  }

  /// Compares the parameters and buffers of all ranks, bit by bit.
  /// - Throws: `TrainingError.ranksDisagree` on all ranks where one has others than rank 0.
  func checkAgreement(of state: TrainingState, _ folder: String) throws {
    guard group != nil else { return }
    let keys = try all(state.fingerprint)
    let others = keys.indices.filter { keys[$0] != keys[0] }
    guard others.isEmpty else {
      throw TrainingError.ranksDisagree(
        step: state.step, ranks: others, checkpoint: state.saved, folder: folder)
    }
  }
}

extension TrainingState {
  /// A fingerprint of the parameters and buffers.
  fileprivate var fingerprint: UInt64 {
    let tensors = groups.flatMap(\.optimizer.replicated) + fixed.map(\.value)
    return tensors.reduce(0) { key, tensor in
      tensor.detached().to(.cpu).contiguous().withBytes { bytes in
        let words = bytes.count / 8
        var key = (0..<words).reduce(key) {
          RandomStream.key(
            $0,
            bytes.loadUnaligned(fromByteOffset: 8 * $1, as: UInt64.self))
        }
        for byte in bytes.dropFirst(8 * words) { key = RandomStream.key(key, UInt64(byte)) }
        return key
      }
    }
  }
}

/// The figures of an update that the ranks tell one another.
struct RankFigures {
  /// The seconds of the update, and those of them for which the rank waited for others' losses and
  /// for data.
  var seconds, waitSeconds, dataSeconds: Double
  var bytesSent: Int

  init(seconds: Double, waitSeconds: Double, dataSeconds: Double, bytesSent: Int) {
    (self.seconds, self.waitSeconds, self.dataSeconds) = (seconds, waitSeconds, dataSeconds)
    self.bytesSent = bytesSent
  }

  /// - Parameter values: those of `values`.
  init(_ values: [Double]) {
    self.init(
      seconds: values[0], waitSeconds: values[1], dataSeconds: values[2], bytesSent: Int(values[3]))
  }

  var values: [Double] { [seconds, waitSeconds, dataSeconds, Double(bytesSent)] }

  /// The seconds of the rank's own work.
  var busySeconds: Double { seconds - waitSeconds }
}

extension TrainingRecipe {
  /// - Throws: `TrainingError.recipe` where that many ranks cannot share a batch evenly.
  func checkBatch(ranks: Int) throws {
    let batch = settings.batch
    guard batch % ranks != 0 else { return }
    let possible = (1...batch).filter { batch % $0 == 0 }.map(String.init)
    let shown = possible.count > 8 ? possible.prefix(8) + ["..."] : possible[...]
    throw TrainingError.recipe(
      file: file,
      problem:
        "'batch' is \(batch), which \(ranks) ranks cannot share evenly; use a number of ranks that "
        + "divides it (\(shown.joined(separator: ", "))), or a batch that is a multiple of \(ranks)"
    )
  }
}
