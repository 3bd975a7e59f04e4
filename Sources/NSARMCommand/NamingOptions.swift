import ArgumentParser
import Upscaling

/// What outputs are called.
struct NamingOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "What stands after the names of outputs, in place of _x4 beside the inputs and of nothing in a folder "
        + "-o, such as _large.", valueName: "text"))
  var suffix: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "What outputs are called, without the extension: text with {name} (of the input), {scale}, {model}, "
        + "{width}, {height} (of the output), {page} and {index} (from 1), such as "
        + "'{name}-{width}x{height}'. A later run knows outputs again by the same --name.",
      valueName: "template"))
  var name: String?

  init() {}

  func validate() throws {
    if suffix != nil, name != nil {
      throw ValidationError("--suffix and --name exclude each other")
    }
    _ = try given()
  }

  /// What is asked for; nil: the usual names.
  var template: NameTemplate? { try? given() }

  private func given() throws -> NameTemplate? {
    do {
      if let suffix { return try NameTemplate(suffix: suffix) }
      return try name.map { try NameTemplate($0) }
    } catch let error as NameTemplateError {
      throw ValidationError("\(suffix == nil ? "--name" : "--suffix"): \(error)")
    }
  }
}
