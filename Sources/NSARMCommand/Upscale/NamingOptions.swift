import ArgumentParser
import Upscaling

/// The names of outputs.
struct NamingOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Text after the names of outputs, such as _large, in place of _x4 beside the inputs and of nothing in "
        + "a folder -o.", valueName: "text"))
  var suffix: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Names of outputs without the extension: text with {name} (of the input), {scale}, {model}, "
        + "{width}, {height} (of the output), {page} and {index} (from 1), such as "
        + "'{name}-{width}x{height}'. A later run recognises outputs by the same --name.",
      valueName: "template"))
  var name: String?

  init() {}

  func validate() throws {
    if suffix != nil, name != nil {
      throw ValidationError("--suffix and --name cannot be combined")
    }
    _ = try given()
  }

  /// The template that is asked for; nil: the usual names.
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
