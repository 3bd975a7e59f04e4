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
    /// Absent for one.
    var ranks: Int?
  }

  private var manager: FileManager { .default }

  func path(_ step: Int) -> String { run + "/checkpoint-" + padded(step) }

  /// The update numbers of the checkpoints, oldest first.
  var steps: [Int] {
    ((try? manager.contentsOfDirectory(atPath: run)) ?? [])
      .compactMap { numbered($0, prefix: "checkpoint-") }.sorted()
  }

  /// Writes a checkpoint of a state that is whole on this rank and removes all but the newest
  /// `kept`.
  /// - Throws: `TrainingError.unwritable`; earlier checkpoints stay as they were.
  func write(_ state: TrainingState, recipe: TrainingRecipe) throws {
    try writing(path(state.step)) {
      try AtomicFolder.write(path(state.step)) { folder in
        try writeTensors(state, rank: 0, of: 1, to: folder)
        try writeTexts(state, recipe, to: folder)
      }
    }
    removeOld()
  }

  /// The same where every rank has a part of the state and writes it; all ranks call this. The
  /// checkpoint gets its name when all parts are there.
  /// - Throws: `TrainingError.unwritable`, or `.folderNotShared` on ranks that see another folder
  ///   than rank 0; `ProcessGroupError` where that happens on another rank.
  func writeShards(_ state: TrainingState, recipe: TrainingRecipe, _ ranks: Ranks) throws {
    let path = path(state.step)
    guard ranks.isFirst else {
      _ = try ranks.ofFirst(0.0)  // the folder is there
      let folder = AtomicFolder.temporaryPath(of: path)
      try ranks.together {
        guard appears(folder) else {
          throw TrainingError.folderNotShared(folder: run, rank: ranks.rank)
        }
        try writing(path) { try writeTensors(state, rank: ranks.rank, of: ranks.size, to: folder) }
      }
      return
    }
    do {
      try AtomicFolder.write(path) { folder in
        _ = try ranks.ofFirst(0.0)
        try ranks.together {
          try writing(path) {
            try writeTensors(state, rank: 0, of: ranks.size, to: folder)
            try writeTexts(state, recipe, to: folder)
          }
        }
      }
    } catch let error as FileError {
      throw TrainingError.unwritable(path: path, reason: reason(error))
    }
    removeOld()
  }

  /// The tensors that a rank writes.
  private func writeTensors(
    _ state: TrainingState, rank: Int, of ranks: Int, to folder: String
  ) throws {
    let pieces = state.pieces.filter {
      $0.keeper == .thisRank || (rank == 0 && $0.keeper == .everyRank)
    }
    for file in CheckpointPiece.File.allCases {
      let isSharded = state.shardedFiles.contains(file)
      guard isSharded || rank == 0 else { continue }
      let name = isSharded ? file.shardName(rank, of: ranks) : file.rawValue + ".safetensors"
      try writeSafetensors(
        pieces.filter { $0.file == file }.map { ($0.nameInFile, $0.tensor) }
          .sorted { $0.0 < $1.0 }, to: folder + "/" + name)
    }
  }

  private func writeTexts(
    _ state: TrainingState, _ recipe: TrainingRecipe, to folder: String
  ) throws {
    let progress = Progress(
      step: state.step, seconds: state.seconds, computed: state.computed,
      ranks: state.ranks > 1 ? state.ranks : nil)
    try AtomicFile.write(Data(recipe.text.utf8), to: folder + "/recipe.yaml")
    try AtomicFile.write(JSONEncoder().encode(progress), to: folder + "/state.json")
  }

  private func removeOld() {
    for step in steps.dropLast(CheckpointFolder.kept) {
      try? manager.removeItem(atPath: path(step))
    }
  }

  /// The recipe of a checkpoint.
  func recipe(_ step: Int) throws -> TrainingRecipe {
    try TrainingRecipe(file: path(step) + "/recipe.yaml")
  }

  /// Restores what this rank keeps of `state` from a checkpoint of any number of ranks.
  /// - Throws: `TrainingError.damagedCheckpoint`.
  func restore(_ step: Int, into state: TrainingState) throws {
    let folder = path(step)
    do {
      let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/state.json"))
      let progress = try JSONDecoder().decode(Progress.self, from: data)
      let tensors = try CheckpointTensors(folder)
      for piece in state.pieces { try tensors.restore(piece) }
      (state.step, state.seconds) = (progress.step, progress.seconds)
      state.computed = progress.computed
      state.ranks = progress.ranks ?? 1
    } catch let error as TrainingError {
      throw error
    } catch {
      throw TrainingError.damagedCheckpoint(folder: folder, problem: reason(error))
    }
  }
}
