import Files
import Foundation
import Serving
import Terminal
import Upscaling

/// A run of `nsarm submit`: a number of pictures is in the queue at a time, each is fetched when it
/// is restored.
struct SubmitRun {
  /// What has become of the pictures.
  struct Count {
    var done = 0, skipped = 0, failed = 0
    /// Whether Ctrl-C has ended the run.
    var isStopped = false
  }

  let queue: PictureQueue
  let settings: ClientSettings
  let items: [BatchPlan.Item]
  private var count = Count()
  private var waiting: [PictureQueue.Ticket: BatchPlan.Item] = [:]
  private let progress: ProgressDisplay
  private let start = Date()
  private var isAway = false

  /// The number of pictures in the queue at once: enough for many workers, and few enough for a
  /// database that holds them all, with their results.
  private static let most = 200

  init(queue: PictureQueue, settings: ClientSettings, items: [BatchPlan.Item]) {
    self.queue = queue
    self.settings = settings
    self.items = items
    progress = ProgressDisplay(counted(items.count, "picture"))
  }

  /// - Throws: what is wrong with the queue for all pictures; `StandardOutput.WriteError`.
  mutating func run() async throws -> Count {
    defer { progress.clear() }
    var rest = items[...]
    do {
      while !rest.isEmpty || !waiting.isEmpty {
        while waiting.count < Self.most, let item = rest.popFirst() { try await submit(item) }
        let tickets = Array(waiting.keys)
        let states = try await patiently { queue in try await queue.states(of: tickets) }
        for (ticket, state) in states { try await settle(ticket, state) }
        show(states)
        if waiting.count == states.count, !waiting.isEmpty {
          await queue.change()
          try checkInterruption()
        }
      }
    } catch is CancellationError {
      progress.clear()
      note(
        "stopped with \(counted(waiting.count, "picture")) in the queue, and the same command goes on"
      )
      count.isStopped = true
    }
    progress.clear()
    if items.count > 1 { summarize() }
    return count
  }

  private mutating func submit(_ item: BatchPlan.Item) async throws {
    guard !FileManager.default.fileExists(atPath: item.output) else {
      count.skipped += 1
      return
    }
    let picture = PictureQueue.Picture(
      path: item.input.path, name: (item.input.path as NSString).lastPathComponent,
      settings: settings.fields(item.output),
      output: URL(fileURLWithPath: item.output).standardizedFileURL.path)
    do {
      let ticket = try await patiently { queue in try await queue.submit(picture) }
      waiting[ticket] = item
    } catch let error as CancellationError {
      throw error
    } catch {
      fail(item, error)
    }
  }

  /// Deals with a picture whose work has ended.
  private mutating func settle(_ ticket: PictureQueue.Ticket, _ state: PictureQueue.State)
    async throws
  {
    guard let item = waiting[ticket] else { return }
    switch state {
    case .waiting: return
    case .failed(let reason):
      waiting[ticket] = nil
      fail(item, PictureQueueError.refused(reason))
    case .gone:
      // Another run of the same command may have fetched it.
      waiting[ticket] = nil
      try await submit(item)
    case .restored(let restored):
      waiting[ticket] = nil
      do {
        try item.createFolder()
        try await patiently { queue in try await queue.fetch(ticket, to: item.output) }
        try tell(item, restored)
        try await patiently { queue in try await queue.remove(ticket) }
      } catch FileError.exists {
        // The same.
        count.skipped += 1
        try await patiently { queue in try await queue.remove(ticket) }
      } catch PictureQueueError.gone {
        try await submit(item)
      } catch let error as StandardOutput.WriteError {
        throw error
      } catch let error as CancellationError {
        if !FileManager.default.fileExists(atPath: item.output) { waiting[ticket] = item }
        throw error
      } catch {
        fail(item, error)
      }
    }
  }

  private mutating func tell(_ item: BatchPlan.Item, _ restored: PictureQueue.Restored) throws {
    count.done += 1
    progress.clear()
    for warning in restored.warnings { note("warning: \(item.input.path): \(warning)") }
    try StandardOutput.print(
      "\(item.output): \(restored.inputWidth)x\(restored.inputHeight) ->"
        + " \(restored.outputWidth)x\(restored.outputHeight)"
        + (restored.seconds.map { String(format: ", %.1f s", $0) } ?? ""))
  }

  private mutating func fail(_ item: BatchPlan.Item, _ error: any Error) {
    count.failed += 1
    progress.clear()
    let reason = errorText(error)
    note("error: \(reason.contains(item.input.path) ? reason : "\(item.input.path): \(reason)")")
  }

  /// Does something with the queue, again and again while it cannot be reached.
  /// - Throws: `CancellationError` after Ctrl-C.
  private mutating func patiently<Value: Sendable>(
    _ body: (PictureQueue) async throws -> Value
  ) async throws -> Value {
    while true {
      try checkInterruption()
      do {
        let value = try await body(queue)
        isAway = false
        return value
      } catch let error as PictureQueueError {
        guard case .unavailable = error else { throw error }
        if !isAway {
          progress.clear()
          note("\(errorText(error)); trying again")
        }
        isAway = true
        try await Task.sleep(for: .seconds(1))
      }
    }
  }

  private func checkInterruption() throws {
    if Interruption.isRequested { throw CancellationError() }
  }

  private func show(_ states: [PictureQueue.Ticket: PictureQueue.State]) {
    var done = Double(count.done + count.skipped + count.failed)
    for case .waiting(let share) in states.values { done += share }
    progress.update(min(1, done / Double(max(items.count, 1))))
  }

  private func summarize() {
    let parts =
      ["\(count.done) done"]
      + [(count.skipped, "skipped"), (count.failed, "failed")].filter { $0.0 > 0 }
      .map { "\($0.0) \($0.1)" }
    note(
      "\(parts.joined(separator: ", ")) in "
        + ProgressLine.duration(Date().timeIntervalSince(start)))
  }
}
