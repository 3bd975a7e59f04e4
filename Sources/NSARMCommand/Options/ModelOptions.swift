import ArgumentParser
import Foundation
import NSARM
import SuperResolution

/// The choice of a model: the option of every command that restores.
struct ModelOptions: ParsableArguments {
  @Option(
    help:
      "A model folder, or a name that 'nsarm models' lists (default: $NSARM_MODEL, else what suits the command)."
  )
  var model: String?

  init() {}

  func validate() throws {
    if model == "" { throw ValidationError("--model is empty; name a model or its folder") }
  }

  /// The model that is named, else the small one.
  /// - Throws: what is wrong with the folder.
  func folder() throws -> ModelFolder { try ModelFolder(try ModelLocator.find(model)) }

  /// The model that is named, else the best one that is fast enough here.
  /// - Throws: what is wrong with the folder.
  func folder(fastEnoughWith loader: ModelLoader) throws -> ModelFolder {
    let set = ProcessInfo.processInfo.environment["NSARM_MODEL"] ?? ""
    guard model == nil, set.isEmpty else { return try folder() }
    return try DefaultModel.choose(loader)
  }
}
