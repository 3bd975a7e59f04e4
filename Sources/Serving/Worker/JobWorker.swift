import Files
import Foundation
import Imaging
import Logging
import Metrics
import NSARM
import ServiceLifecycle
import Terminal
import Upscaling

/// Takes jobs out of the queue and restores them, one after the other, each with its model.
public actor JobWorker: Service {
  private let store: JobStore
  private let models: ModelShelf
  private let limits: ServiceLimits
  private let outbox: Outbox
  private let workersHere: WorkersHere
  private let shutdown: Shutdown
  private let logger: Logger
  private let name = WorkerName.new()

  /// Between two reports of progress, and two signs of life where there is nothing to tell.
  private static let pause = Duration.milliseconds(250)
  private static let heartbeat = Duration.seconds(2)
  /// Between two looks at the queue where nothing is heard of it, and after a failure.
  private static let patience = Duration.seconds(4)
  /// Between two signs that there is a worker.
  private static let presence = Duration.seconds(5)

  init(
    _ store: JobStore, _ models: ModelShelf, limits: ServiceLimits, outbox: Outbox,
    workersHere: WorkersHere, shutdown: Shutdown, logger: Logger
  ) {
    self.store = store
    self.models = models
    self.limits = limits
    self.outbox = outbox
    self.workersHere = workersHere
    self.shutdown = shutdown
    self.logger = logger
  }

  /// Works until the service is shut down; a job under way then goes back into the queue.
  public func run() async throws {
    workersHere.arrive()
    await withGracefulShutdownHandler {
      let presence = Task { await tellPresence() }
      await shutdown.watched({ [feed = store.feed] in feed.poke() }) {
        while !shutdown.hasBegun, !Task.isCancelled { await takeOne() }
      }
      presence.cancel()
    } onGracefulShutdown: { [shutdown] in
      shutdown.begin()
    }
    workersHere.leave()
    try? await store.isLeaving(name)
    // A service that ends before it is asked to would cut off the others.
    if !Task.isCancelled { try? await gracefulShutdown() }
  }

  private func takeOne() async {
    let seen = store.feed.now
    do {
      try await outbox.deliver(to: store)
    } catch {
      logger.warning("finished pictures wait for the database: \(oneLine("\(error)"))")
    }
    do {
      if let job = try await store.claim(name) {
        await restore(job)
      } else {
        await store.feed.wait(after: seen, atMost: Self.patience)
      }
    } catch {
      guard !shutdown.hasBegun, !Task.isCancelled else { return }
      logger.error("the queue cannot be read: \(oneLine("\(error)"))")
      await store.feed.wait(after: store.feed.now, atMost: Self.patience)
    }
  }

  private func tellPresence() async {
    while !Task.isCancelled {
      // The queue cannot be read either then, of which somebody tells.
      try? await store.isPresent(name)
      try? await Task.sleep(for: Self.presence)
    }
  }

  private func restore(_ job: Job) async {
    let start = SuspendingClock.now
    let progress = WorkProgress()
    let reporter = Task { await report(job, progress, start) }
    let folder = Result { try TemporaryFolder(in: store.database.pictures.scratch) }
    let (ends, end) = AsyncStream.makeStream(of: JobStore.Outcome.self)
    Task { end.yield(await tracedOutcome(of: job, in: folder, progress)) }
    var outcome = JobStore.Outcome.givenBack
    // The service does not wait for what is being computed, which ends at its next step.
    await shutdown.watched({
      progress.stop(WorkEnd.shutdown)
      end.yield(.givenBack)
    }) {
      for await first in ends {
        outcome = first
        break
      }
    }
    reporter.cancel()
    await reporter.value
    // What a job that failed has shown stays visible.
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

  /// What becomes of a job, whose result is made in a folder.
  private func outcome(
    of job: Job, in folder: Result<TemporaryFolder, any Error>, _ progress: WorkProgress
  ) async -> JobStore.Outcome {
    do {
      return try await work(job, in: folder.get().path, progress)
    } catch WorkEnd.shutdown {
      return .givenBack
    } catch WorkEnd.lost, is CancellationError {
      return .cancelled
    } catch WorkEnd.tooLong {
      return .failed("took longer than \(Int(limits.secondsPerPicture)) s, the limit here")
    } catch ModelShelfError.unknown(let name, let known) {
      // The server that took the picture in has it.
      return .failed(
        "the worker that took this picture has no model '\(name)', only"
          + " \(known.joined(separator: ", "))")
    } catch let failure as WorkFailure where failure.error is CancellationError {
      return .cancelled
    } catch {
      return .failed(text(error, job, try? folder.get().path))
    }
  }

  /// Tells the database, or keeps what was worked for until it can be told.
  private func finish(_ job: Job, _ outcome: JobStore.Outcome, _ seconds: Double) async {
    do {
      do {
        try await store.finish(job.id, name, outcome, seconds: seconds)
      } catch  where tellsOfFullDisk(error) {
        try await store.finish(
          job.id, name,
          .failed("the disk that keeps the results is full; free some space and try again"),
          seconds: seconds)
      }
    } catch {
      let problem = oneLine("\(error)")
      do {
        try outbox.keep(job.id, name, outcome, seconds: seconds)
        logger.warning("\(job.order.input.name) waits for the database: \(problem)")
      } catch {
        logger.error(
          "\(job.order.input.name): the result is not kept: \(problem); \(oneLine("\(error)"))")
      }
    }
  }

  private func work(_ job: Job, in folder: String, _ progress: WorkProgress) async throws
    -> JobStore.Outcome
  {
    let output = folder + "/output"
    let settings = job.order.settings
    // Before the model is loaded, so that memory never holds it and its text encoder.
    var text: TextFeatures?
    if let prompt = settings.prompt { text = try await models.text(prompt, for: settings.model) }
    let model = try await models.model(settings.model, strength: settings.strength ?? 1)
    let upscaler = model.upscaler
    let configuration = upscaler.resolver.model.configuration
    var options = settings.options(configuration, limits.reading, text: text)
    options.format = job.order.output.format
    options.resolver.batch = model.batch
    let remaining = RemainingWork()
    return try await store.files.withFile(job.id, .input) { input in
      let previews = PreviewMaker(
        input, options.reading, scale: configuration.scale, in: folder, progress)
      do {
        return try await upscaler.resolver.worker.run { [upscaler, options] in
          let report = try upscaler(input, to: output, options) { share in
            try progress.update {
              $0.share = share
              $0.secondsLeft = remaining.seconds(share)
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
      } catch let end as WorkEnd {
        throw end
      } catch {
        throw WorkFailure(error: error, input: input)
      }
    }
  }

  /// Tells the database how far the work is, and the work that it has to end.
  private func report(
    _ job: Job, _ progress: WorkProgress, _ start: SuspendingClock.Instant
  ) async {
    var last: SuspendingClock.Instant?
    var isAway = false
    while !Task.isCancelled {
      let now = SuspendingClock.now
      if now - start > .seconds(limits.secondsPerPicture) { progress.stop(WorkEnd.tooLong) }
      let (news, preview) = progress.news()
      if news != nil || preview != nil || last.map({ now - $0 > Self.heartbeat }) ?? true {
        do {
          // Not cut short when the work ends: its news would be lost.
          try await Task { [store, name] in
            try await store.report(job.id, name, news, preview: preview)
          }.value
          (last, isAway) = (now, false)
        } catch is JobError {
          progress.stop(WorkEnd.lost)
        } catch {
          if !isAway { logger.warning("progress is not kept: \(oneLine("\(error)"))") }
          isAway = true
        }
      }
      try? await Task.sleep(for: Self.pause)
    }
  }

  /// An error without the paths of this machine.
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
