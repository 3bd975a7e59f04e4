import Foundation

/// Training cannot start or continue. The message is one line with the remedy.
public enum TrainingError: LocalizedError, CustomStringConvertible {
  case recipe(file: String, problem: String)
  /// The stage continues from a model, and none is given.
  case noInitialModel(file: String, stage: String)
  /// The pictures have captions, and no model with a text encoder is given.
  case noTextEncoder
  case noPhotos(folder: String, reason: String)
  case unreadableFolder(String)
  case unreadable(path: String, reason: String)
  case pairs(path: String, problem: String)
  case dataWeight(argument: String)
  case validation(path: String, size: String, problem: String)
  case stage(problem: String)
  case outputInUse(folder: String)
  case differentModel(folder: String, differences: [String])
  case otherRun(folder: String, step: Int, differences: [String])
  case foreign(path: String, problem: String)
  case damagedCheckpoint(folder: String, problem: String)
  case unwritable(path: String, reason: String)
  case resources(step: Int, problem: String, checkpoint: Int?, folder: String)
  case diverged(step: Int, count: Int, folder: String)
  /// A rank's recipe, data, start or arithmetic is not that of rank 0.
  case differentRank(rank: Int, differences: [String])
  /// Ranks that write parts of checkpoints do not see the folder of rank 0.
  case folderNotShared(folder: String, rank: Int)
  /// Another rank has ended before training began.
  case rankStopped(problem: String)
  /// Another rank has ended or does not answer.
  case rankGone(problem: String, step: Int, checkpoint: Int?, folder: String)
  /// The parameters of ranks are no longer those of rank 0.
  case ranksDisagree(step: Int, ranks: [Int], checkpoint: Int?, folder: String)

  public var description: String {
    switch self {
    case .recipe(let file, let problem):
      "\(file): \(problem)"
    case .noInitialModel(let file, let stage):
      "\(file): stage '\(stage)' continues from the model of another one, and none is given"
    case .noTextEncoder:
      "captions need the text encoder of a model, and no model is given"
    case .noPhotos(let folder, let reason):
      "\(folder): \(reason)"
    case .unreadableFolder(let folder):
      "\(folder): no such folder, or it cannot be read; check the path"
    case .unreadable(let path, let reason):
      "\(path): cannot be read (\(reason))"
    case .pairs(let path, let problem):
      "\(path): \(problem)"
    case .dataWeight(let argument):
      "'\(argument)': the weight after = has to be a number above 0, such as PAIRS=0.5"
    case .validation(let path, let size, let problem):
      "\(path): cannot be used for validation: its centre crop ('data.validation_crop') has \(size) "
        + "pixels, \(problem); leave the picture out or change the crop"
    case .stage(let problem):
      "the training stage is inconsistent: \(problem)"
    case .outputInUse(let folder):
      "\(folder): another process is training into this folder; wait for it or choose another"
    case .differentModel(let folder, let differences):
      "\(folder): holds a training run of another model (\(differences.joined(separator: "; "))); "
        + "choose another output folder or restore the recipe"
    case .otherRun(let folder, let step, let differences):
      "\(folder): holds a run, at step \(step), that was started otherwise "
        + "(\(differences.joined(separator: "; ")))"
    case .foreign(let path, let problem):
      "\(path): \(problem)"
    case .damagedCheckpoint(let folder, let problem):
      "\(folder): cannot resume from this checkpoint (\(problem)); delete it to use the one before"
    case .unwritable(let path, let reason):
      "\(path): cannot be written (\(reason)); free some space or choose another folder, "
        + "then run the same command to resume from the last checkpoint"
    case .resources(let step, let problem, let checkpoint, let folder):
      "stopped at step \(step): \(problem); a smaller batch (with more accumulation) or crop takes less "
        + "memory; the same command resumes from "
        + Self.start(checkpoint, folder)
    case .diverged(let step, let count, let folder):
      "stopped at step \(step): \(count) steps in a row gave losses or gradients that are not finite; "
        + "lower learning_rate or gradient_clip and run the same command to resume from the last "
        + "checkpoint in \(folder)"
    case .differentRank(let rank, let differences):
      "rank \(rank) does not train what rank 0 trains: \(differences.joined(separator: "; ")); give all "
        + "ranks the same files and options"
    case .rankStopped(let problem):
      "\(problem); mend that and start all ranks again"
    case .folderNotShared(let folder, let rank):
      "\(folder): rank \(rank) does not see what rank 0 writes there, and with 'memory.sharding' every "
        + "rank writes its part of a checkpoint; use a folder on a file system that all machines share, "
        + "or 'sharding: none'"
    case .rankGone(let problem, let step, let checkpoint, let folder):
      "stopped at step \(step): \(problem); the same command, with any number of ranks, resumes from "
        + Self.start(checkpoint, folder)
    case .ranksDisagree(let step, let ranks, let checkpoint, let folder):
      "stopped at step \(step): the parameters of \(Self.named(ranks)) are no longer those of rank 0, "
        + "so their machines do not compute alike; use machines of one kind with the same libtorch and run "
        + "the same command to resume from " + Self.start(checkpoint, folder)
    }
  }

  private static func start(_ checkpoint: Int?, _ folder: String) -> String {
    checkpoint.map { "checkpoint \($0) in \(folder)" } ?? "the beginning"
  }

  /// "rank 3", "ranks 1, 2, 5".
  private static func named(_ ranks: [Int]) -> String {
    (ranks.count == 1 ? "rank " : "ranks ") + ranks.map(String.init).joined(separator: ", ")
  }

  public var errorDescription: String? { description }

  /// The error for a resource that was missing for the update after `state`.
  static func resources(
    _ problem: String, _ state: TrainingState, in folder: String
  ) -> TrainingError {
    .resources(step: state.step + 1, problem: problem, checkpoint: state.saved, folder: folder)
  }

  /// The error for a rank that was lost during the update after `state`.
  static func rankGone(
    _ problem: String, _ state: TrainingState, in folder: String
  ) -> TrainingError {
    .rankGone(problem: problem, step: state.step + 1, checkpoint: state.saved, folder: folder)
  }
}
