import ArgumentParser
import Files
import Foundation
import NSARM
import Prompts
import Serving
import Torch
import Upscaling

/// The jobs and the models of `nsarm serve` and `nsarm work`.
struct ServiceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Folder for the queue and the pictures (default: ~/.local/share/nsarm).", valueName: "folder")
  )
  var data: String?

  @Option(
    name: [.long, .customLong("queue")],
    help: ArgumentHelp(
      "PostgreSQL database instead of the folder, for several servers and workers: "
        + "postgres://user@host/name (or $NSARM_JOBS, which does not show in the list of processes).",
      valueName: "url"))
  var jobs: String?

  @OptionGroup(title: "Model options") var model: ModelOptions
  @OptionGroup(title: "Model options") var compute: ComputeOptions
  @OptionGroup(title: "Model options") var memory: MemoryOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Refuse pictures of more pixels.", valueName: "count"))
  var maxPixels = ServiceLimits().pixels

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Give up a picture after this time.", valueName: "seconds"))
  var maxSeconds = ServiceLimits().secondsPerPicture

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Give the picture of a worker that does not answer to another one after this time.",
      valueName: "seconds"))
  var lease = 30.0

  @OptionGroup(title: "Log options") var log: LogOptions

  init() {}

  func validate() throws {
    if data == "" { throw ValidationError("--data is empty; name a folder") }
    if data != nil, jobs != nil {
      throw ValidationError("--data and --jobs cannot be combined: the jobs are in one place")
    }
    if let jobs, !Self.isPostgres(jobs) {
      throw ValidationError("--jobs: a PostgreSQL address is wanted, postgres://user@host/name")
    }
    guard maxPixels >= 1 else { throw ValidationError("--max-pixels has to be at least 1") }
    guard (1...1e9).contains(maxSeconds) else {
      throw ValidationError("--max-seconds has to be at least 1")
    }
    guard (3...86400).contains(lease) else {
      throw ValidationError("--lease has to be 3 to 86400")
    }
  }

  /// Whether an address is one of PostgreSQL.
  static func isPostgres(_ url: String) -> Bool {
    url.hasPrefix("postgres://") || url.hasPrefix("postgresql://")
  }

  /// The service, without what only the server has.
  func service() async throws -> RestorationService {
    // Nobody else on this machine sees pictures, temporary ones included.
    umask(0o077)
    var service = try await RestorationService(place(), logger: log.logger)
    service.limits.pixels = maxPixels
    service.limits.secondsPerPicture = maxSeconds
    service.setLease(lease)
    return service
  }

  private func place() throws -> RestorationService.Jobs {
    let environment = ProcessInfo.processInfo.environment
    if let jobs { return .postgres(jobs) }
    if data == nil, let jobs = environment["NSARM_JOBS"], !jobs.isEmpty {
      guard Self.isPostgres(jobs) else {
        throw ValidationError(
          "NSARM_JOBS: a PostgreSQL address is wanted, postgres://user@host/name")
      }
      return .postgres(jobs)
    }
    if let data { return .folder(data) }
    guard let folder = UserFolder.data.path(environment: environment) else {
      throw ValidationError("HOME is not set; name a folder with --data")
    }
    return .folder(folder + "/nsarm")
  }

  /// The models that there are, none of them loaded yet; that of --model is the default.
  /// - Parameter restores: whether this process restores pictures itself; without --model the best
  ///   model that is fast enough here is the default then.
  func shelf(restores: Bool = true) throws -> ModelShelf {
    if restores { try compute.threads.apply() }
    let loader = try compute.loader(memory: memory.limit)
    let folder = restores ? try model.folder(fastEnoughWith: loader) : try model.folder()
    let found = ModelShelf.found()
    let standard =
      found.first { PathIdentity($0.folder.path) == PathIdentity(folder.path) }
      ?? ModelShelf.Entry(folder)
    var options = ModelShelf.Options()
    options.loader = loader
    options.encode = { folder, prompt in
      guard let text = folder.configuration.transformer?.text else {
        throw PromptError("model '\(folder.name)' is not conditioned on text")
      }
      let encoder = try PromptEncoder(
        folder.textEncoderPath, channels: text.channels, limit: min(512, text.maximumLength),
        on: loader.device)
      return try encoder([prompt])[prompt]!
    }
    options.note = { note("note: \($0)") }
    return ModelShelf(found, standard: standard, options)
  }
}
