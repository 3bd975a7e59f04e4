import ArgumentParser
import Evaluation
import Files
import Foundation
import Terminal
import Torch

/// `nsarm benchmark` as one of several processes that share the folder of the report.
extension BenchmarkCommand {
  /// What a process found out about a part of the work.
  private struct Measured: Codable {
    let results: String
    let problems: [String]
  }

  /// Measures the parts that no other process has, until all are measured; rank 0 then writes the
  /// report.
  func measureShared(_ benchmark: Benchmark, _ launch: LaunchEnvironment) throws {
    Interruption.install()
    let parts = benchmark.parts
    let share = try shared.share(
      report.output, launch, settings: benchmark.settings, units: parts)
    defer { share.end() }
    let progress = ProgressDisplay("measuring")
    defer { progress.clear() }
    while true {
      do {
        guard let claim = try share.next(isStopped: { Interruption.isRequested }) else { break }
        progress.update(Double(share.endedCount) / Double(parts.count))
        try measure(claim, share, benchmark, progress)
      } catch is CancellationError {
        progress.clear()
        note("stopped; the others go on")
        throw ExitCode(Interruption.status)
      }
    }
    progress.clear()
    guard launch.rank == 0 else { return note(ShareSummary(share).part(of: share.worker)) }
    let outcomes = share.outcomes.compactMap(\.self)
    let measured = try outcomes.map { outcome in
      try JSONDecoder().decode(Measured.self, from: Data((outcome.payload ?? "").utf8))
    }
    for (outcome, part) in zip(outcomes, measured) where outcome.worker != share.worker {
      for problem in part.problems {
        note("error: \(problem) (rank \(outcome.worker.rank) on \(outcome.worker.host))")
      }
    }
    try tell(benchmark.report(merging: measured.map(\.results), showsCrops: report.crops))
    if measured.contains(where: { !$0.problems.isEmpty }) { throw ExitCode.failure }
  }

  /// - Throws: `CancellationError` where it was stopped.
  private func measure(
    _ claim: WorkShare.Claim, _ share: WorkShare, _ benchmark: Benchmark,
    _ progress: ProgressDisplay
  ) throws {
    let isStopped = { Interruption.isRequested }
    guard
      let (results, problems, isComplete) = try benchmark.measure(
        part: claim.index, isStopped: isStopped)
    else {
      try share.release(claim)
      throw CancellationError()
    }
    let measured = Measured(results: results, problems: problems)
    let payload = String(decoding: try JSONEncoder().encode(measured), as: UTF8.self)
    // A method that is left out after a failure is told of once, and missing in later parts, too.
    let isDone = problems.isEmpty && isComplete
    guard try share.finish(claim, isDone ? .done : .failed, payload: payload) else { return }
    if !problems.isEmpty { progress.clear() }
    for problem in problems { note("error: \(problem)") }
  }
}
