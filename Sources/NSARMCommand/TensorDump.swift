import Checkpoints
import Foundation
import NSARM
import Synchronization
import Torch

/// The file of `--dump`: the networks' results for a picture, tiles one after the other along the
/// first dimension, in the order in which they were made.
final class TensorDump: Sendable {
  private let path: String
  private let parts = Mutex<[GeneratedTiles.Named]>([])

  init(_ path: String) { self.path = path }

  func add(_ tiles: GeneratedTiles) {
    let named = tiles.named
    parts.withLock { $0.append(named) }
  }

  /// - Throws: `FileError` where the file cannot be written.
  func write() throws {
    let parts = parts.withLock { $0 }
    guard let first = parts.first else { return }
    let tensors = first.tensors.enumerated().map { i, tensor in
      // The text is that of all tiles.
      (
        tensor.name,
        tensor.name == "text"
          ? tensor.tensor : Tensor.concatenated(parts.map { $0.tensors[i].tensor }, 0)
      )
    }
    try writeSafetensors(tensors, to: path)
  }
}
