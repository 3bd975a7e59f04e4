import Files
import Foundation
import Terminal

/// The closing lines of work that processes have shared.
struct ShareSummary {
  private let outcomes: [WorkShare.Outcome]

  init(_ share: WorkShare) { outcomes = share.outcomes.compactMap(\.self) }

  /// The outcomes that are failures of other processes than this one, with their texts.
  func failures(besides worker: ShareWorker) -> [String] {
    outcomes.filter { $0.state == .failed && $0.worker != worker }.map {
      "\($0.payload ?? "no reason given") (rank \($0.worker.rank) on \($0.worker.host))"
    }
  }

  var failureCount: Int { outcomes.count { $0.state == .failed } }

  /// "996 done, 3 skipped, 1 failed in 3 min 2 s; by rank 0: 400, rank 1: 600". Processes that have
  /// been started again count as one with their rank.
  /// - Parameter others: the number of failures that are no unit's of the work.
  func line(since start: Date, otherFailures others: Int = 0) -> String {
    func count(_ state: WorkShare.Outcome.State) -> Int { outcomes.count { $0.state == state } }
    let parts =
      ["\(count(.done)) done"]
      + [(count(.skipped), "skipped"), (count(.failed) + others, "failed")].filter { $0.0 > 0 }
      .map { "\($0.0) \($0.1)" }
    let ranks = Dictionary(grouping: outcomes, by: \.worker.rank).sorted { $0.key < $1.key }
      .map { "rank \($0.key): \($0.value.count)" }
    return "\(parts.joined(separator: ", ")) in "
      + ProgressLine.duration(Date().timeIntervalSince(start))
      + (ranks.isEmpty ? "" : "; by \(ranks.joined(separator: ", "))")
  }

  /// The closing line of a process that is not the one with the summary.
  func part(of worker: ShareWorker) -> String {
    "rank \(worker.rank): \(outcomes.count { $0.worker == worker }) of \(outcomes.count) done here;"
      + " rank 0 has the summary"
  }
}
