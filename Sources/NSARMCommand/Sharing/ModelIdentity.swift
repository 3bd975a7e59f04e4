import Checkpoints
import Foundation
import NSARM

extension ModelFolder {
  /// The model's name and the fingerprints of its weights, those of its twin included: two folders
  /// with the same restore alike.
  /// - Throws: `CheckpointError`.
  func identity() throws -> String {
    let files = try FileManager.default.contentsOfDirectory(atPath: path)
    let twin = hasTwin ? try FileManager.default.contentsOfDirectory(atPath: twinPath) : []
    let weights = try (files + twin.map { "\(ModelFolder.twin)/\($0)" }).sorted()
      .filter { $0.hasSuffix(".safetensors") }
      .map { hexadecimal(try fingerprint(ofFile: "\(path)/\($0)")) }
    return ([configuration.name] + weights).joined(separator: " ")
  }
}
