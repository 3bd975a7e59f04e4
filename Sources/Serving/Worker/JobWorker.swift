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
  private let logger: Logger
  private let name: String

  /// Seconds between two looks at the queue, and two reports.
  private static let pause = 0.25
  /// Seconds after which the lease is renewed where there is nothing to tell.
  private static let heartbeat = 2.0

  init(_ store: JobStore, _ models: ModelShelf, limits: ServiceLimits, logger: Logger) {
    self.store = store
    self.models = models
    self.limits = limits
    self.logger = logger
    name = WorkerName.new()
  }

  /// Works until the service is shut down; a job under way then goes back into the queue.
  public func run() async throws {
    try await giveBackOfTheDead()
    let shutdown = Shutdown()
    await withGracefulShutdownHandler {
      while !shutdown.hasBegun, !Task.isCancelled {
        do {
          if let job = try await store.claim(name) {
            await restore(job, shutdown)
          } else {
            try await Task.sleep(for: .seconds(Self.pause))
          }
        } catch is CancellationError {
          return
        } catch {
          logger.error("the queue cannot be read: \(oneLine("\(error)"))")
          try? await Task.sleep(for: .seconds(4))
        }
      }
    } onGracefulShutdown: {
      shutdown.begin()
    }
  }

  /// Jobs of workers that ran on this machine with the same file of jobs and have died: nobody has
  /// to wait for their leases.
  private func giveBackOfTheDead() async throws {
    guard store.database is SQLiteDatabase else { return }
    let dead = try await store.workers().filter(WorkerName.isDead)
    try await store.giveBack(from: dead)
  }

  private func restore(_ job: Job, _ shutdown: Shutdown) async {
    let start = Date()
    let progress = WorkProgress()
    let reporter = Task { await report(job, progress, start, shutdown) }
    let outcome: JobStore.Outcome
    var folder: TemporaryFolder?
    do {
      let scratch = try TemporaryFolder()
      folder = scratch
      outcome = try await work(job, in: scratch.path, progress)
    } catch WorkEnd.shutdown {
      outcome = .givenBack
    } catch WorkEnd.lost, is CancellationError {
      outcome = .cancelled
    } catch WorkEnd.tooLong {
      outcome = .failed("took longer than \(Int(limits.secondsPerPicture)) s, the limit here")
    } catch ModelShelfError.unknown(let name, let known) {
      // The server that took the picture in has it.
      outcome = .failed(
        "the worker that took this picture has no model '\(name)', only"
          + " \(known.joined(separator: ", "))")
    } catch {
      outcome = .failed(text(error, job, folder?.path))
    }
    reporter.cancel()
    await reporter.value
    // What a quick job has shown stays visible.
    if let preview = progress.news().preview {
      try? await store.report(job.id, name, nil, preview: preview)
    }
    let seconds = Date().timeIntervalSince(start)
    await finish(job, outcome, seconds)
    folder?.remove()
    let model = (try? models.entry(job.order.settings.model))?.name ?? "unknown"
    Counter(
      label: "nsarm_restorations", dimensions: [("model", model), ("outcome", outcome.label)]
    ).increment()
    Metrics.Timer(
      label: "nsarm_restoration_duration", dimensions: [("model", model)],
      preferredDisplayUnit: .seconds
    ).recordSeconds(seconds)
  }

  /// Tells the database, which may be away for a while: what was worked for is not given up soon.
  private func finish(_ job: Job, _ outcome: JobStore.Outcome, _ seconds: Double) async {
    var outcome = outcome
    for attempt in 1...5 {
      do {
        return try await store.finish(job.id, name, outcome, seconds: seconds)
      } catch  where tellsOfFullDisk(error) {
        outcome = .failed("the disk that keeps the results is full; free some space and try again")
        if attempt == 1 { continue }  // that takes little space
      } catch {
        logger.error("\(job.order.input.name): the result is not kept: \(oneLine("\(error)"))")
      }
      try? await Task.sleep(for: .seconds(Double(attempt)))
    }
  }

  private func work(_ job: Job, in folder: String, _ progress: WorkProgress) async throws
    -> JobStore.Outcome
  {
    let (input, output) = (folder + "/input", folder + "/output")
    try await store.files.copy(job.id, .input, to: input)
    let settings = job.order.settings
    let model = try await models.model(settings.model, strength: settings.strength ?? 1)
    let upscaler = model.upscaler
    let configuration = upscaler.resolver.model.configuration
    var options = settings.options(configuration, limits.reading)
    options.format = job.order.output.format
    options.resolver.batch = model.batch
    let remaining = RemainingWork()
    let previews = PreviewMaker(
      input, limits.reading, scale: configuration.scale, in: folder, progress)
    let report = try await upscaler.resolver.worker.run { [upscaler, options] in
      try upscaler(input, to: output, options) { share in
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
    }
    return .succeeded(result: output, warnings: report.warnings)
  }

  /// Tells the database how far the work is, and the work that it has to end.
  private func report(
    _ job: Job, _ progress: WorkProgress, _ start: Date, _ shutdown: Shutdown
  ) async {
    var last = Date.distantPast
    while !Task.isCancelled {
      if shutdown.hasBegun { progress.stop(WorkEnd.shutdown) }
      if Date().timeIntervalSince(start) > limits.secondsPerPicture {
        progress.stop(WorkEnd.tooLong)
      }
      let (news, preview) = progress.news()
      if news != nil || preview != nil || Date().timeIntervalSince(last) > Self.heartbeat {
        do {
          // Not cut short when the work ends: its news would be lost.
          try await Task { [store, name] in
            try await store.report(job.id, name, news, preview: preview)
          }.value
          last = Date()
        } catch is JobError {
          progress.stop(WorkEnd.lost)
        } catch {
          logger.warning("progress is not kept: \(oneLine("\(error)"))")
        }
      }
      try? await Task.sleep(for: .seconds(Self.pause))
    }
  }

  /// An error without the paths of this machine.
  private func text(_ error: any Error, _ job: Job, _ folder: String?) -> String {
    var text = oneLine("\(error)")
    for entry in models.entries { text = text.replacing(entry.folder.path, with: entry.name) }
    if let folder {
      text = text.replacing(folder + "/input", with: job.order.input.name)
        .replacing(folder + "/output", with: job.order.output.name)
        .replacing(folder, with: "")
    }
    return text
  }
}

/// Why the work on a job ends early.
private enum WorkEnd: Error { case shutdown, tooLong, lost }

extension JobStore.Outcome {
  fileprivate var label: String {
    switch self {
    case .succeeded: "succeeded"
    case .failed: "failed"
    case .cancelled: "cancelled"
    case .givenBack: "given_back"
    }
  }
}

/// The time that is left, asked on the thread that restores alone.
private final class RemainingWork: @unchecked Sendable {
  private var time = RemainingTime()

  func seconds(_ share: Double) -> Double? { time.update(share) }
}

/// Makes previews as often as that costs a tenth of the time, on the thread that restores.
private final class PreviewMaker: @unchecked Sendable {
  private let (input, reading, scale, folder): (String, ReadOptions, Int, String)
  private let progress: WorkProgress
  private var canvas: PreviewCanvas?
  private var next = Date.distantPast

  init(
    _ input: String, _ reading: ReadOptions, scale: Int, in folder: String,
    _ progress: WorkProgress
  ) {
    (self.input, self.reading, self.scale, self.folder) = (input, reading, scale, folder)
    self.progress = progress
  }

  /// A preview that fails is none; the restoration goes on.
  func show(_ preview: ScalePreview) {
    let isLast = preview.scale + 1 == preview.scaleCount
    let start = Date()
    guard start >= next || isLast else { return }
    guard let jpeg = try? drawn(preview) else { return }
    progress.show(jpeg)
    next = Date().addingTimeInterval(max(0.2, 9 * Date().timeIntervalSince(start)))
  }

  private func drawn(_ preview: ScalePreview) throws -> Data {
    if canvas == nil {
      let reader = try ImageFile.open(input, options: reading)
      try reader.decode()
      canvas = try PreviewCanvas(reader, scale: scale)
    }
    canvas!.paint(preview)
    return try canvas!.jpeg(in: folder)
  }
}
