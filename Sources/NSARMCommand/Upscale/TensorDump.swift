import Checkpoints
import Files
import Foundation
import NSARM
import SuperResolution
import Synchronization
import Torch
import Upscaling

/// The file of `--dump`: the networks' results for a picture, tiles one after the other along the
/// first dimension, in the order in which they were made.
final class TensorDump: Sendable {
  static let suffix = ".safetensors"

  private let path: String
  private let parts = Mutex<[GeneratedTiles.Named]>([])

  init(_ path: String) { self.path = path }

  /// - Throws: `FileError` where the file cannot be written or is there and may not be replaced;
  ///   `UpscaleOptionError` where it is the picture's own file or the output.
  static func check(_ path: String, _ item: BatchPlan.Item, overwrites: Bool) throws {
    let parent = parentFolder(of: path)
    guard isFolder(parent) else { throw FileError.missingFolder(path: parent) }
    let file = PathIdentity(path)
    guard file != PathIdentity(item.input.path), file != PathIdentity(item.output) else {
      throw UpscaleOptionError(
        "--dump \(path) is the picture's own file; give the dump another name")
    }
    if FileManager.default.fileExists(atPath: path) {
      guard overwrites else { throw FileError.exists(path: path) }
      // Only a dump is replaced by a dump: no model, no picture.
      guard (try? SafetensorsFile(path))?.names.contains("sum") == true else {
        throw UpscaleOptionError("--dump \(path) exists and is no dump; choose another name")
      }
    }
  }

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
