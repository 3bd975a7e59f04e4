import ArgumentParser
import Evaluation
import Files
import Foundation
import Terminal
import Torch

/// `nsarm evaluate` as one of several processes that share the folder of the report.
extension EvaluateCommand {
  /// Scores the pictures that no other process has, until all are scored.
  /// - Parameters:
  ///   - stems: the names of all pictures.
  ///   - folder: the report's.
  /// - Returns: what all processes found out about each picture; nil where another process writes
  ///   the report.
  func scoreShared(
    _ stems: [String], _ comparison: FolderComparison, _ folder: ReportFolder,
    _ launch: LaunchEnvironment, _ policy: ComputePolicy
  ) throws -> [PictureScores]? {
    let earlier = Dictionary(
      (folder.earlier?.pictures ?? []).map { ($0.file, $0) }, uniquingKeysWith: { $1 })
    let share = try shared.share(
      folder.path, launch, settings: settings(comparison, policy),
      units: stems.map(comparison.identity))
    defer { share.end() }
    let progress = ProgressDisplay("scoring")
    defer { progress.clear() }
    while let claim = try share.next(progress) {
      progress.update(Double(share.endedCount) / Double(stems.count))
      let stem = stems[claim.index]
      let (picture, problems) = comparison.picture(stem, continuing: earlier[stem])
      let scores = PictureScores(picture: picture, problems: problems)
      guard
        try share.finish(claim, problems.isEmpty ? .done : .failed, payload: scores.json())
      else { continue }
      if !problems.isEmpty { progress.clear() }
      for problem in problems { note("error: \(problem)") }
    }
    progress.clear()
    guard launch.rank == 0 else {
      note(ShareSummary(share).part(of: share.worker))
      return nil
    }
    return try share.outcomes.compactMap(\.self).map { outcome in
      let scores = try PictureScores(json: outcome.payload ?? "")
      if outcome.worker != share.worker {
        for problem in scores.problems {
          note("error: \(problem) (rank \(outcome.worker.rank) on \(outcome.worker.host))")
        }
      }
      return scores
    }
  }

  /// Everything that figures depend on besides the files.
  private func settings(_ comparison: FolderComparison, _ policy: ComputePolicy) -> [String: String]
  {
    let report = comparison.report
    return [
      "metrics": report.settings.metrics.map(\.title).joined(separator: " "),
      "--border": "\(border)", "--crop": crop.map { "\($0)" } ?? "none",
      "methods": report.methods.joined(separator: ", "),
      "--precision": policy.precision.rawValue, "--device": policy.device.type,
    ]
  }
}
