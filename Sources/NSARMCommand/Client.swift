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
      NAME_x4, or as -o says. Nothing but the pictures' names and contents leaves this machine, and no model is \
      needed here. A service that is full is asked again; Ctrl-C cancels what has been sent. The exit status is \
      1 if any picture failed, 130 after Ctrl-C.
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

  @Option(
    help: ArgumentHelp(
      "A file with the service's token (or $NSARM_TOKEN holds it).", valueName: "file"))
  var tokenFile: String?

  @OptionGroup var settings: ClientSettings

  @Flag(help: "Replace files that exist.")
  var overwrite = false

  @Flag(help: "Leave out inputs whose outputs exist, to go on with a half-done folder.")
  var skipExisting = false

  @Flag(help: "Remove the pictures and results from the service when they have been fetched.")
  var delete = false

  func validate() throws {
    if overwrite, skipExisting {
      throw ValidationError("--overwrite and --skip-existing exclude each other")
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
      address ?? "http://127.0.0.1:8080", token: try Self.token(tokenFile))
    let work = ClientRun(
      client: client, settings: settings, items: items, overwrite: overwrite, deletes: delete)
    final class Result: @unchecked Sendable { var failed = 0 }
    let (result, done) = (Result(), DispatchSemaphore(value: 0))
    Task {
      result.failed = await work.run()
      done.signal()
    }
    done.wait()
    if Interruption.isRequested { throw ExitCode(Interruption.status) }
    if result.failed + plan.failures.count > 0 { throw ExitCode.failure }
  }

  private func plan() throws -> (items: [BatchPlan.Item], failures: [BatchPlan.Failure]) {
    let target: BatchPlan.Target
    if let output {
      if !output.hasSuffix("/"), !isFolder(output),
        let named = try ImageFormat.output(path: output)
      {
        guard inputs.count == 1, !isFolder(inputs[0]) else {
          throw ValidationError("\(output) is one file; name a folder for the outputs of several")
        }
        if let format = settings.format, format != named {
          throw ValidationError("--format \(format.rawValue) does not fit the name \(output)")
        }
        target = .file(output)
      } else {
        target = .folder(output)
      }
    } else {
      target = .beside(suffix: settings.outputSize.mark)
    }
    var folders: [String] = []
    if case .folder(let folder) = target { folders = [folder] }
    let inputs = BatchInputs(inputs, excluding: folders, leavesOutOutputs: output == nil)
    let plan = BatchPlan(inputs.files, to: target, format: settings.format)
    return (plan.items, inputs.failures + plan.failures)
  }

  private static func token(_ file: String?) throws -> String? {
    if let file {
      guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
        throw ValidationError("\(file): cannot be read; it holds the token, and nothing else")
      }
      return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
    let token = ProcessInfo.processInfo.environment["NSARM_TOKEN"]
    return token.flatMap { $0.isEmpty ? nil : $0 }
  }
}
