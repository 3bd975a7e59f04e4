import Foundation
import Torch

/// The reasons for which ranks stop, which they leave each other in the store where they have met.
/// A rank that fails closes its connections, so the others fail too; from here they know why.
public final class RankNotices: Sendable {
  /// Another rank has failed for the same reason and reports it.
  public struct AlreadyReported: Error {}

  private struct Notice: Codable {
    var rank: Int
    var host: String
    var reason: String
  }

  private struct State {
    var notice: Notice?
    var isClosed = false
  }

  /// The seconds between two looks at the store.
  private static let pause = 0.25

  private let rank, size: Int
  private let store: TCPStore
  private let key: String
  private let state = Monitor(State())

  /// - Parameter environment: that of the group, which has been formed.
  /// - Throws: `ProcessGroupError` where the store does not answer.
  public init(_ environment: LaunchEnvironment) throws {
    rank = environment.rank
    size = environment.worldSize
    store = try TCPStore(
      host: environment.masterAddress, port: environment.masterPort, isServer: false,
      worldSize: nil, timeout: .seconds(30))
    // torchrun's store outlives a restart, and one with other machines is not counted as such.
    key = "nsarm/notice/\(environment.restartCount)/\(environment.worldSize)"
    // The store may be gone, with rank 0, by the time that this rank asks.
    let thread = Thread { [store, key, state] in
      while state.wait(for: Self.pause, until: \.isClosed, { _ in }) == nil {
        guard let isThere = try? store.hasValue(key) else { return }
        guard isThere else { continue }
        let notice = try? Self.notice(in: store, key)
        return state.withLock { $0.notice = notice }
      }
    }
    thread.name = "notices"
    thread.start()
  }

  deinit { state.withLock { $0.isClosed = true } }

  private static func notice(in store: TCPStore, _ key: String) throws -> Notice {
    let text = try store.value(key, timeout: .seconds(5))
    return try JSONDecoder().decode(Notice.self, from: Data(text.utf8))
  }

  /// Runs what this rank has to do, tells the others where it fails, and says why where it fails
  /// because another rank has.
  /// - Throws: the errors of `work`; `AlreadyReported`.
  public func reporting<Result>(_ work: () throws -> Result) throws -> Result {
    do {
      let result = try work()
      part()
      return result
    } catch let error as ProcessGroupError {
      throw awaited().map(TrainingError.rankStopped) ?? error
    } catch TrainingError.rankGone(let problem, let step, let checkpoint, let folder) {
      throw TrainingError.rankGone(
        problem: awaited() ?? problem, step: step, checkpoint: checkpoint, folder: folder)
    } catch let error as TrainingError {
      // Where the run resumes is what each rank says itself.
      if case .resources(_, let problem, _, _) = error {
        try leave(problem)
      } else {
        try leave("\(error)")
      }
      throw error
    } catch {
      try leave(reason(error))
      throw error
    }
  }

  /// Ends the watch, and waits on rank 0, which may be the store's host, until all ranks have.
  private func part() {
    state.withLock { $0.isClosed = true }
    let count = key + "/parted"
    guard var parted = try? store.add(count, 1), rank == 0 else { return }
    for _ in 0..<40 where parted < size {
      Thread.sleep(forTimeInterval: 0.05)
      parted = (try? store.add(count, 0)) ?? size
    }
  }

  /// The notice of another rank as text; nil where there is none after a few looks.
  private func awaited() -> String? {
    let notice = state.wait(for: 4 * Self.pause, until: { $0.notice != nil }) { $0.notice }
    guard let notice = notice.flatMap(\.self), notice.rank != rank else { return nil }
    return "rank \(notice.rank) (\(notice.host)) stopped: \(notice.reason)"
  }

  /// Leaves the reason for this rank's end, and time for the others to read it.
  private func leave(_ reason: String) throws {
    let notice = Notice(rank: rank, host: ProcessInfo.processInfo.hostName, reason: reason)
    guard let text = try? JSONEncoder().encode(notice),
      let count = try? store.add(key + "/count", 1)
    else { return }
    if count == 1 {
      try? store.set(key, String(decoding: text, as: UTF8.self))
      Thread.sleep(forTimeInterval: 3 * Self.pause)
    } else if let first = try? Self.notice(in: store, key), first.reason == reason {
      throw AlreadyReported()
    }
  }
}
