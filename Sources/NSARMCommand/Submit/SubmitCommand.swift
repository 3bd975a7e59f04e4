import ArgumentParser
import Files
import Foundation
import Serving
import Terminal
import Upscaling

/// `nsarm submit INPUTS... --queue URL -o FOLDER`
struct SubmitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit",
    abstract: "Restore folders by 'nsarm work' on any number of machines.",
    discussion: """
      Puts pictures into the queue from which 'nsarm work --queue' takes them, and writes the results where \
      'nsarm upscale' would: beside the inputs as NAME_x4, or to -o. No server and no shared folder is needed, \
      only a PostgreSQL database that all machines reach. Each picture is restored by one worker; what a dead one \
      had goes to another. Pictures whose outputs exist are left out. Ctrl-C leaves the pictures in the queue, and \
      the same command goes on with them, within a day without restoring any again. The exit status is 1 if any \
      picture failed, 130 after Ctrl-C.
      """)

  @Argument(help: "Picture files and folders.")
  var inputs: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The output file, or the folder for the outputs.", valueName: "file|folder"))
  var output: String?

  @Option(
    help: ArgumentHelp(
      "The workers' PostgreSQL database, postgres://user@host/name (default: $NSARM_JOBS), or the folder that "
        + "is --data for workers of this machine.", valueName: "url|folder"))
  var queue: String?

  @OptionGroup var settings: ClientSettings

  func validate() throws {
    if inputs.contains("") { throw ValidationError("an input is empty; name a file or a folder") }
    if output == "" { throw ValidationError("-o is empty; name a file or a folder") }
    if queue == "" { throw ValidationError("--queue is empty; name a database or a folder") }
  }

  func run() throws {
    let place = try place()
    Interruption.install()
    let plan = try plan()
    for failure in plan.failures { note("error: \(errorText(failure.error))") }
    var options = try ServiceOptions.parse([])
    options.model.model = settings.model
    let models = try options.shelf(restores: false)
    let logger = options.log.logger
    let outcome = Outcome<Result<SubmitRun.Count, any Error>>()
    Task { [settings] in
      do {
        let service = try await RestorationService(place, logger: logger)
        var run = SubmitRun(
          queue: service.queue(models), settings: settings, items: plan.items)
        outcome.finish(.success(try await run.run()))
      } catch {
        outcome.finish(.failure(error))
      }
    }
    let count = try outcome.wait().get()
    if count.isStopped { throw ExitCode(Interruption.status) }
    if count.failed + plan.failures.count > 0 { throw ExitCode.failure }
  }

  private func place() throws -> RestorationService.Jobs {
    let set = ProcessInfo.processInfo.environment["NSARM_JOBS"] ?? ""
    guard let queue = queue ?? (set.isEmpty ? nil : set) else {
      throw ValidationError(
        "name the workers' queue with --queue postgres://user@host/name, or NSARM_JOBS")
    }
    if ServiceOptions.isPostgres(queue) { return .postgres(queue) }
    guard !queue.contains("://") else {
      throw ValidationError(
        "--queue: a PostgreSQL address is wanted, postgres://user@host/name, or a folder")
    }
    return .folder(queue)
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
