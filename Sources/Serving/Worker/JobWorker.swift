import Files
import Foundation
import Imaging
import Logging
import Metrics
import NSARM
import ServiceLifecycle
import Synchronization
import Upscaling

/// Restores the jobs of the queue one after the other, each with its model.
public actor JobWorker: Service {
  private let store: JobStore
  private let models: ModelShelf
  private let limits: ServiceLimits
  private let outbox: Outbox
  private let localWorkers: LocalWorkers
  private let shutdown: Shutdown
  private let logger: Logger
  private let name = WorkerName.new()

  /// The interval of progress reports, and of heartbeats while there is no progress.
  private static let reportInterval = Duration.milliseconds(250)
  private static let heartbeatInterval = Duration.seconds(2)
  /// The longest wait for changes of the queue, and the pause after a failure.
  private static let pollInterval = Duration.seconds(4)
  /// The interval at which the worker renews its registration.
  private static let presenceInterval = Duration.seconds(5)

  init(
    _ store: JobStore, _ models: ModelShelf, limits: ServiceLimits, outbox: Outbox,
    localWorkers: LocalWorkers, shutdown: Shutdown, logger: Logger
  ) {
    self.store = store
    self.models = models
    self.limits = limits
    self.outbox = outbox
    self.localWorkers = localWorkers
    self.shutdown = shutdown
    self.logger = logger
  }

  /// Runs until the service is shut down; the current job then returns to the queue.
  public func run() async throws {
    localWorkers.arrive()
    await withGracefulShutdownHandler {
      let presence = Task { await keepRegistered() }
      await shutdown.watched({ [feed = store.feed] in feed.notify() }) {
        while !shutdown.hasBegun, !Task.isCancelled { await processNext() }
      }
      presence.cancel()
    } onGracefulShutdown: { [shutdown] in
      shutdown.begin()
    }
    localWorkers.leave()
    try? await store.unregister(name)
    // A service that returns early would make the group shut down the others.
    if !Task.isCancelled { try? await gracefulShutdown() }
  }

  private func processNext() async {
    let seen = store.feed.generation
    do {
      try await outbox.deliver(to: store)
    } catch {
      logger.warning("finished pictures cannot be stored yet: \(oneLine("\(error)"))")
    }
    do {
      if let job = try await store.claim(name) {
        await restore(job)
      } else {
        await store.feed.wait(after: seen, atMost: Self.pollInterval)
      }
    } catch {
      guard !shutdown.hasBegun, !Task.isCancelled else { return }
      logger.error("the queue cannot be read: \(oneLine("\(error)"))")
      await store.feed.wait(after: store.feed.generation, atMost: Self.pollInterval)
    }
  }

  private func keepRegistered() async {
    while !Task.isCancelled {
      // Another loop reports that the database is unavailable.
      try? await store.register(name)
      try? await Task.sleep(for: Self.presenceInterval)
    }
  }

  private func restore(_ job: Job) async {
    let start = SuspendingClock.now
    let progress = WorkProgress()
    let reporter = Task { await report(job, progress, start) }
    let folder = Result { try TemporaryFolder(in: store.database.pictures.scratch) }
    let (ends, end) = AsyncStream.makeStream(of: JobStore.Outcome.self)
    Task { end.yield(await tracedOutcome(of: job, in: folder, progress)) }
    var outcome = JobStore.Outcome.requeued
    // The computation is not awaited; it ends at its next step.
    await shutdown.watched({
      progress.stop(WorkInterruption.shutdown)
      end.yield(.requeued)
    }) {
      for await first in ends {
        outcome = first
        break
      }
    }
    reporter.cancel()
    await reporter.value
    // The last preview of a job that failed stays visible.
    if let preview = progress.news().preview, !outcome.isSuccess {
      try? await store.report(job.id, name, nil, preview: preview)
    }
    let seconds = (SuspendingClock.now - start) / .seconds(1)
    await finish(job, outcome, seconds)
    try? folder.get().remove()
    let model = (try? models.entry(job.order.settings.model))?.name ?? "unknown"
    Counter(
      label: "nsarm_restorations", dimensions: [("model", model), ("outcome", outcome.label)]
    ).increment()
    Metrics.Timer(
      label: "nsarm_restoration_duration", dimensions: [("model", model)],
      preferredDisplayUnit: .seconds
    ).recordSeconds(seconds)
  }

  private nonisolated func tracedOutcome(
    of job: Job, in folder: Result<TemporaryFolder, any Error>, _ progress: WorkProgress
  ) async -> JobStore.Outcome {
    await withRestorationSpan(JobStore.name(job.id)) { span in
      let outcome = await outcome(of: job, in: folder, progress)
      span.attributes["nsarm.job.outcome"] = outcome.label
      return outcome
    }
  }

  /// Restores a job in a folder and returns the outcome.
  private func outcome(
    of job: Job, in folder: Result<TemporaryFolder, any Error>, _ progress: WorkProgress
  ) async -> JobStore.Outcome {
    do {
      return try await work(job, in: folder.get().path, progress)
    } catch WorkInterruption.shutdown {
      return .requeued
    } catch WorkInterruption.lost, is CancellationError {
      return .cancelled
    } catch WorkInterruption.tooLong {
      return .failed("exceeded the time limit of \(Int(limits.secondsPerPicture)) s")
    } catch ModelShelfError.unknown(let name, let known) {
      // The server that accepted the picture has the model, but this worker has not.
      return .failed(
        "the worker of this picture does not have model '\(name)', only"
          + " \(known.joined(separator: ", "))")
    } catch let failure as WorkFailure where failure.error is CancellationError {
      return .cancelled
    } catch {
      return .failed(text(error, job, try? folder.get().path))
    }
  }

  /// Stores the outcome, or keeps it on disk until the database is available.
  private func finish(_ job: Job, _ outcome: JobStore.Outcome, _ seconds: Double) async {
    do {
      do {
        try await store.finish(job.id, name, outcome, seconds: seconds)
      } catch  where tellsOfFullDisk(error) {
        try await store.finish(
          job.id, name,
          .failed("the disk for results is full; free some space and try again"),
          seconds: seconds)
      }
    } catch {
      let problem = oneLine("\(error)")
      do {
        try outbox.keep(job.id, name, outcome, seconds: seconds)
        logger.warning("\(job.order.input.name): the result cannot be stored yet: \(problem)")
      } catch {
        logger.error(
          "\(job.order.input.name): the result is lost: \(problem); \(oneLine("\(error)"))")
      }
    }
  }

  private func work(_ job: Job, in folder: String, _ progress: WorkProgress) async throws
    -> JobStore.Outcome
  {
    let output = folder + "/output"
    let settings = job.order.settings
    // Before the model is loaded, so that memory never holds both it and its text encoder.
    var text: TextFeatures?
    if let prompt = settings.prompt { text = try await models.text(prompt, for: settings.model) }
    let model = try await models.model(settings.model, strength: settings.strength ?? 1)
    let upscaler = model.upscaler
    let configuration = upscaler.resolver.model.configuration
    var options = settings.options(configuration, limits.reading, text: text)
    options.format = job.order.output.format
    let remaining = Mutex(RemainingTime())
    return try await store.files.withFile(job.id, .input) { input in
      let previews = PreviewMaker(
        input, options.reading, scale: configuration.scale, in: folder, progress)
      do {
        return try await upscaler.resolver.worker.run { [upscaler, options] in
          let report = try upscaler(input, to: output, options) { share in
            try progress.update {
              $0.share = share
              $0.secondsLeft = remaining.withLock { $0.update(share) }
            }
          } preview: { preview in
            try progress.update {
              $0.tiles = .init(done: preview.tilesDone, count: preview.tileCount)
              $0.scales = .init(done: preview.scale + 1, count: preview.scaleCount)
            }
            previews.show(preview)
          }
          return .succeeded(
            result: output, thumbnail: try? Thumbnail.make(of: output, in: folder),
            warnings: report.warnings.map { WebText.cleaned($0) })
        }
      } catch let end as WorkInterruption {
        throw end
      } catch {
        throw WorkFailure(error: error, input: input)
      }
    }
  }

  /// Reports progress to the database, and its refusals to the work.
  private func report(
    _ job: Job, _ progress: WorkProgress, _ start: SuspendingClock.Instant
  ) async {
    var last: SuspendingClock.Instant?
    var isAway = false
    while !Task.isCancelled {
      let now = SuspendingClock.now
      if now - start > .seconds(limits.secondsPerPicture) {
        progress.stop(WorkInterruption.tooLong)
      }
      let (news, preview) = progress.news()
      if news != nil || preview != nil || last.map({ now - $0 > Self.heartbeatInterval }) ?? true {
        do {
          // Not cancelled with the reporter: its report would be lost.
          try await Task { [store, name] in
            try await store.report(job.id, name, news, preview: preview)
          }.value
          (last, isAway) = (now, false)
        } catch is JobError {
          progress.stop(WorkInterruption.lost)
        } catch {
          if !isAway { logger.warning("progress cannot be stored: \(oneLine("\(error)"))") }
          isAway = true
        }
      }
      try? await Task.sleep(for: Self.reportInterval)
    }
  }

  /// The message of an error, without paths of this machine.
  private func text(_ error: any Error, _ job: Job, _ folder: String?) -> String {
    var names = Dictionary(
      models.entries.map { ($0.folder.path, $0.name) }, uniquingKeysWith: { first, _ in first })
    if let folder {
      names[folder + "/output"] = job.order.output.name
      names[folder] = ""
    }
    guard let failure = error as? WorkFailure else { return WebText.of(error, names: names) }
    names[failure.input] = job.order.input.name
    return WebText.of(failure.error, names: names)
  }
}
