import Checkpoints
import Files
import Foundation
import Torch

/// The checkpoints of a run, in folders "checkpoint-NNNNNN"; a folder of such a name is complete.
struct CheckpointFolder {
  let run: String
  /// The number of checkpoints that are kept.
  static let kept = 2

  private struct Progress: Codable {
    var format = 1
    var step: Int
    var seconds: Double
    var computed: String?
  }

  private var manager: FileManager { .default }

  func path(_ step: Int) -> String { run + "/checkpoint-" + padded(step) }

  /// The update numbers of the checkpoints, oldest first.
  var steps: [Int] {
    ((try? manager.contentsOfDirectory(atPath: run)) ?? [])
      .compactMap { numbered($0, prefix: "checkpoint-") }.sorted()
  }

  /// Writes a checkpoint and removes all but the newest `kept`.
  /// - Throws: `TrainingError.unwritable`; earlier checkpoints stay as they were.
  func write(_ state: TrainingState, recipe: TrainingRecipe) throws {
    let progress = Progress(step: state.step, seconds: state.seconds, computed: state.computed)
    try writing(path(state.step)) {
      try AtomicFolder.write(path(state.step)) { folder in
        for (name, tensors) in state.files {
          try writeSafetensors(
            tensors.sorted { $0.key < $1.key }.map { ($0, $1) }, to: folder + "/" + name)
        }
        try AtomicFile.write(Data(recipe.text.utf8), to: folder + "/recipe.yaml")
        try AtomicFile.write(JSONEncoder().encode(progress), to: folder + "/state.json")
      }
    }
    for step in steps.dropLast(CheckpointFolder.kept) {
      try? manager.removeItem(atPath: path(step))
    }
  }

  /// The recipe of a checkpoint.
  func recipe(_ step: Int) throws -> TrainingRecipe {
    try TrainingRecipe(file: path(step) + "/recipe.yaml")
  }

  /// Restores `state` from a checkpoint.
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
}
