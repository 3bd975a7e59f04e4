import Checkpoints
import Foundation
import Torch

/// The folders "checkpoint-NNNNNN" of a run. Each is written under a temporary name, flushed and renamed, so
/// that whatever has the final name is complete.
struct CheckpointFolder {
  let run: String
  /// Checkpoints that are kept.
  static let kept = 2

  private struct Progress: Codable {
    var format = 1
    var step: Int
    var seconds: Double
    var computed: String?
  }

  private var manager: FileManager { .default }

  func path(_ step: Int) -> String { run + "/checkpoint-" + padded(step) }

  /// The updates after which complete checkpoints were written, oldest first.
  var steps: [Int] {
    ((try? manager.contentsOfDirectory(atPath: run)) ?? [])
      .compactMap { numbered($0, prefix: "checkpoint-") }.sorted()
  }

  /// Writes a checkpoint and removes all but the newest `kept`.
  /// - Throws: `TrainingError.unwritable`; earlier checkpoints stay as they were.
  func write(_ state: TrainingState, recipe: TrainingRecipe) throws {
    removeRemains()
    let final = path(state.step)
    let temporary = run + "/.checkpoint-\(padded(state.step)).partial"
    do {
      try manager.createDirectory(atPath: temporary, withIntermediateDirectories: false)
      for (name, tensors) in state.files {
        try writeSafetensors(
          tensors.sorted { $0.key < $1.key }.map { ($0, $1) }, to: temporary + "/" + name)
      }
      try flushed(Data(recipe.text.utf8), temporary + "/recipe.yaml")
      let progress = Progress(
        step: state.step, seconds: state.seconds, computed: state.computed)
      try flushed(JSONEncoder().encode(progress), temporary + "/state.json")
      flushFolder(temporary)
      if manager.fileExists(atPath: final) { try manager.removeItem(atPath: final) }
      try manager.moveItem(atPath: temporary, toPath: final)
      flushFolder(run)
    } catch {
      try? manager.removeItem(atPath: temporary)
      throw TrainingError.unwritable(path: final, reason: reason(error))
    }
    for step in steps.dropLast(CheckpointFolder.kept) {
      try? manager.removeItem(atPath: path(step))
    }
  }

  /// Removes what a run that was killed while writing left behind.
  func removeRemains() {
    for name in (try? manager.contentsOfDirectory(atPath: run)) ?? []
    where name.hasSuffix(".partial") {
      try? manager.removeItem(atPath: run + "/" + name)
    }
  }

  /// The recipe that a checkpoint was written with.
  func recipe(_ step: Int) throws -> TrainingRecipe {
    try TrainingRecipe(file: path(step) + "/recipe.yaml")
  }

  /// Fills `state` from a checkpoint.
  /// - Throws: `TrainingError.damagedCheckpoint`.
  func restore(_ step: Int, into state: TrainingState) throws {
    let folder = path(step)
    do {
      let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/state.json"))
      let progress = try JSONDecoder().decode(Progress.self, from: data)
      var sources: [String: SafetensorsFile] = [:]
      try state.restore { file, name, shape in
        let source = try sources[file] ?? SafetensorsFile(folder + "/" + file)
        sources[file] = source
        let tensor = try source.tensor(name)
        guard tensor.shape == shape else {
          throw TrainingError.damagedCheckpoint(
            folder: folder, problem: "'\(name)' has shape \(tensor.shape), the model's is \(shape)")
        }
        return tensor
      }
      (state.step, state.seconds) = (progress.step, progress.seconds)
      state.computed = progress.computed
    } catch let error as TrainingError {
      throw error
    } catch {
      throw TrainingError.damagedCheckpoint(folder: folder, problem: reason(error))
    }
  }

  private func flushed(_ data: Data, _ path: String) throws {
    try data.write(to: URL(fileURLWithPath: path))
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try file.synchronize()
    try file.close()
  }

  private func flushFolder(_ path: String) {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
