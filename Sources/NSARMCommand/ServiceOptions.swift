import ArgumentParser
import Files
import Foundation
import NSARM
import Prompts
import Serving
import Torch
import Upscaling

/// What `nsarm serve` and `nsarm work` have in common: where the jobs are, and the models.
struct ServiceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Folder for the queue and the pictures (default: ~/.local/share/nsarm).", valueName: "folder")
  )
  var data: String?

  @Option(
    help: ArgumentHelp(
      "A PostgreSQL database instead of the folder, which many servers and workers may share: "
        + "postgres://user@host/name (or $NSARM_JOBS, which others do not see in the list of processes).",
      valueName: "url"))
  var jobs: String?

  @OptionGroup var model: ModelOptions
  @OptionGroup var compute: ComputeOptions
  @OptionGroup var memory: MemoryOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Refuse pictures with more pixels.", valueName: "count"))
  var maxPixels = ServiceLimits().pixels

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Give up on a picture after this time.", valueName: "seconds"))
  var maxSeconds = ServiceLimits().secondsPerPicture

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Give a silent worker's picture to another one after this time.", valueName: "seconds"))
  var lease = 30.0

  @OptionGroup var log: LogOptions

  init() {}

  func validate() throws {
    if data == "" { throw ValidationError("--data is empty; name a folder") }
    if data != nil, jobs != nil {
      throw ValidationError("--data and --jobs exclude each other: jobs are in one place")
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

  private static func isPostgres(_ url: String) -> Bool {
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
    let folder = restores ? try model.folder(compute, memory) : try model.folder()
    let found = ModelShelf.found()
    let standard =
      found.first { PathIdentity($0.folder.path) == PathIdentity(folder.path) }
      ?? ModelShelf.Entry(folder)
    var options = ModelShelf.Options()
    options.policy = { [compute] in try compute.policy(for: $0) }
    options.limit = { [memory] in memory.limit($0) }
    options.encode = { [compute] folder, prompt in
      guard let text = folder.configuration.transformer?.text else {
        throw PromptError("model '\(folder.name)' is not conditioned on text")
      }
      let encoder = try PromptEncoder(
        folder.textEncoderPath, channels: text.channels, limit: min(512, text.maximumLength),
        on: compute.policy(for: folder).device)
      return try encoder([prompt])[prompt]!
    }
    options.note = { note($0) }
    return ModelShelf(found, standard: standard, options)
  }
}
