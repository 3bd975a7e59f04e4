import ArgumentParser

/// The folder and the contents of a report: the options of commands that score.
struct ReportOptions: ParsableArguments {
  @Option(
    name: .shortAndLong, help: ArgumentHelp("The folder of the report.", valueName: "folder"))
  var output: String

  @Flag(help: "Replace an earlier report instead of going on with it.")
  var overwrite = false

  @Flag(
    inversion: .prefixedNo,
    help: "Show crops on the page; --no-crops where the pictures may not be published.")
  var crops = true

  init() {}

  func validate() throws {
    if output.isEmpty { throw ValidationError("-o is empty; name the report's folder") }
  }
}
