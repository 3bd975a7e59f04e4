import ArgumentParser
import NSARM

/// Which model: the option of every command that restores.
struct ModelOptions: ParsableArguments {
  @Option(help: "A model folder, or the name of one in Models (default: $NSARM_MODEL, else nano).")
  var model: String?

  init() {}

  func validate() throws {
    if model == "" { throw ValidationError("--model is empty; name a model or its folder") }
  }

  /// - Throws: what is wrong with the folder.
  func folder() throws -> ModelFolder { try ModelFolder(try ModelLocator.find(model)) }
}
