import ArgumentParser
import Client
import Files
import Foundation
import Imaging
import Terminal
import Upscaling

/// `nsarm client INPUTS... [-o FILE|FOLDER]`
struct ClientCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "client",
    abstract: "Restore photos by an 'nsarm serve', here or on another machine.",
    discussion: """
      Sends pictures to the service and writes the results where 'nsarm upscale' would: beside the inputs as \
      NAME_x4, or to -o. Nothing but the pictures' names and contents leaves this machine, and no model is \
      needed here. A busy service is asked again; Ctrl-C cancels the pictures that have been sent. The exit \
      status is 1 if any picture failed, 130 after Ctrl-C.
      """)

  @Argument(help: "Picture files and folders.")
  var inputs: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The output file, or the folder for the outputs.", valueName: "file|folder"))
  var output: String?

  @Option(
    help: ArgumentHelp(
      "The service's address (default: $NSARM_SERVER, else http://127.0.0.1:8080).",
      valueName: "url"))
  var server: String?

  @OptionGroup var token: TokenOptions

  @OptionGroup var settings: ClientSettings

  @Flag(help: "Replace files that exist.")
  var overwrite = false

  @Flag(help: "Leave out inputs whose outputs exist, to go on with a half-finished folder.")
  var skipExisting = false

  @Flag(help: "Remove the pictures and results from the service when they have been fetched.")
  var delete = false

  func validate() throws {
    if overwrite, skipExisting {
      throw ValidationError("--overwrite and --skip-existing cannot be combined")
    }
    if inputs.contains("") { throw ValidationError("an input is empty; name a file or a folder") }
    if output == "" { throw ValidationError("-o is empty; name a file or a folder") }
  }

  func run() throws {
    Interruption.install()
    let plan = try plan()
    for failure in plan.failures { note("error: \(errorText(failure.error))") }
    var items: [BatchPlan.Item] = []
    for item in plan.items {
      if skipExisting, FileManager.default.fileExists(atPath: item.output) {
        note("\(item.output) exists and is left out")
      } else {
        items.append(item)
      }
    }
    let environment = ProcessInfo.processInfo.environment
    let address = server ?? environment["NSARM_SERVER"].flatMap { $0.isEmpty ? nil : $0 }
    let client = try ServiceClient(
      address ?? "http://127.0.0.1:8080", token: try token.token())
    let work = ClientRun(
      client: client, settings: settings, items: items, overwrite: overwrite, deletes: delete)
    let outcome = Outcome<Int>()
    Task { outcome.finish(await work.run()) }
    let failed = outcome.wait()
    if Interruption.isRequested { throw ExitCode(Interruption.status) }
    if failed + plan.failures.count > 0 { throw ExitCode.failure }
  }

  private func plan() throws -> (items: [BatchPlan.Item], failures: [BatchPlan.Failure]) {
    let target =
      try output.map {
        try BatchPlan.Target($0, inputs: inputs, format: settings.form.format)
      } ?? .beside(suffix: settings.outputSize.mark)
    var folders: [String] = []
    if case .folder(let folder) = target { folders = [folder] }
    let found = BatchInputs(inputs, excluding: folders, leavesOutOutputs: output == nil)
    let plan = BatchPlan(found.files, to: target, format: settings.form.format)
    return (plan.items, found.failures + plan.failures)
  }
}
