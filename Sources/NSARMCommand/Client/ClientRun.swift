import Client
import Files
import Foundation
import Synchronization
import Terminal
import Upscaling

/// A run of `nsarm client`: some pictures at a time, each sent, waited for and fetched.
struct ClientRun: Sendable {
  let client: ServiceClient
  let settings: ClientSettings
  let items: [BatchPlan.Item]
  let overwrite, deletes: Bool

  /// The number of pictures under way at once: the service always has the next one.
  private static let most = 4

  /// - Returns: the number of pictures that failed.
  func run() async -> Int {
    let progress = ClientProgress(count: items.count)
    let failed = await withTaskGroup(of: Bool.self) { group in
      let watch = Task {
        while !Interruption.isRequested, !Task.isCancelled {
          try? await Task.sleep(for: .milliseconds(50))
        }
        if Interruption.isRequested { progress.stop() }
      }
      defer { watch.cancel() }
      var (next, failed) = (0, 0)
      while next < items.count || !group.isEmpty {
        while next < items.count, next - progress.ended < Self.most, !progress.isStopped {
          let (item, index) = (items[next], next)
          group.addTask { await restore(item, index, progress) }
          next += 1
        }
        if progress.isStopped { next = items.count }
        guard let succeeded = await group.next() else { break }
        if !succeeded { failed += 1 }
      }
      return failed
    }
    progress.clear()
    await client.close()
    return failed
  }

  /// - Returns: whether the output is there.
  private func restore(_ item: BatchPlan.Item, _ index: Int, _ progress: ClientProgress) async
    -> Bool
  {
    let work = Task { try await restore(item, index, progress: progress) }
    progress.begin(index, work)
    do {
      let restoration = try await work.value
      progress.end(index)
      let (input, output) = (restoration.input, restoration.output)
      progress.say(
        "\(item.output): \(input.width)x\(input.height) to \(output.width)x\(output.height)"
          + (restoration.seconds.map { " in \(String(format: "%.1f", $0)) s" } ?? ""))
      for warning in restoration.warnings {
        progress.say("warning: \(item.input.path): \(warning)")
      }
      return true
    } catch is CancellationError {
      progress.end(index)
      return false
    } catch {
      progress.end(index)
      switch error {
      case ServiceClientError.refused:
        progress.say("error: \(item.input.path): \(errorText(error))")
      case ServiceClientError.unreachable:
        // As it would be for all others.
        if progress.stop() { progress.say("error: \(errorText(error))") }
      default: progress.say("error: \(errorText(error))")
      }
      return false
    }
  }

  private func restore(_ item: BatchPlan.Item, _ index: Int, progress: ClientProgress)
    async throws -> ServiceClient.Restoration
  {
    // Before it is worked on: what exists is not replaced.
    if !overwrite, FileManager.default.fileExists(atPath: item.output) {
      throw FileError.exists(path: item.output)
    }
    try item.createFolder()
    let name = (item.input.path as NSString).lastPathComponent
    let sent = try await client.restore(item.input.path, name: name, settings.fields(item.output))
    do {
      let restoration = try await client.end(of: sent.id) { progress.update(index, $0.progress) }
      guard restoration.state == .succeeded else {
        throw ServiceClientError.refused(
          0, restoration.error ?? "the restoration was \(restoration.state.rawValue)")
      }
      try await client.download(sent.id, to: item.output, overwrite: overwrite)
      if deletes { try await client.remove(sent.id) }
      return restoration
    } catch is CancellationError {
      // Nobody waits for it any more.
      await Task { [client] in try? await client.cancel(sent.id) }.value
      throw CancellationError()
    }
  }
}

/// The progress of all pictures, and the lines that are printed in between.
private final class ClientProgress: Sendable {
  private struct State {
    var shares: [Double]
    var works: [Int: Task<ServiceClient.Restoration, any Error>] = [:]
    var ended = 0
    var isStopped = false
  }

  private let state: Mutex<State>
  private let display: Mutex<ProgressDisplay>

  init(count: Int) {
    state = Mutex(State(shares: [Double](repeating: 0, count: count)))
    display = Mutex(ProgressDisplay(counted(count, "picture")))
  }

  var ended: Int { state.withLock { $0.ended } }

  func begin(_ index: Int, _ work: Task<ServiceClient.Restoration, any Error>) {
    let isStopped = state.withLock {
      $0.works[index] = work
      return $0.isStopped
    }
    if isStopped { work.cancel() }
  }

  func update(_ index: Int, _ share: Double) {
    let mean = state.withLock {
      $0.shares[index] = share
      return $0.shares.reduce(0, +) / Double($0.shares.count)
    }
    display.withLock { $0.update(mean) }
  }

  func end(_ index: Int) {
    state.withLock {
      $0.shares[index] = 1
      $0.works[index] = nil
      $0.ended += 1
    }
  }

  /// Cancels the pictures under way, and lets no other begin.
  /// - Returns: whether this is the first call.
  @discardableResult
  func stop() -> Bool {
    let (isFirst, works) = state.withLock { state in
      defer { state.isStopped = true }
      return (!state.isStopped, Array(state.works.values))
    }
    for work in works { work.cancel() }
    return isFirst
  }

  var isStopped: Bool { state.withLock { $0.isStopped } }

  /// Writes a line on standard error.
  func say(_ text: String) {
    display.withLock {
      $0.clear()
      note(text)
    }
  }

  func clear() { display.withLock { $0.clear() } }
}
