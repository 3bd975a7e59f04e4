import Foundation
import TestSupport
import Testing
import Torch

@testable import Training

/// Ranks that fail, or do not do what the others do, end the run with a line that tells why.
@Suite(.ownThreads) struct RankFailureTests {
  private let recipe = """
    stage: tiny
    steps: 12
    batch: 6
    learning_rate: 0.003
    precision: float32
    validation_every: 0
    preview_every: 0
    checkpoint_every: 4
    data: {crop: 32, degradation: bicubic, flat_threshold: 0}
    """

  /// The errors of all ranks, each of which makes its stage from its number.
  private func errors(
    _ size: Int, _ data: @escaping @Sendable (_ rank: Int) -> String, _ output: String,
    stage make: @escaping @Sendable (_ rank: Int) throws -> any TrainingStage
  ) throws -> [String] {
    let recipe = recipe
    return try onRanks(size, timeout: .seconds(10)) { group, launch in
      try RankNotices(launch).reporting {
        try RankRun(
          TrainingRecipe(text: recipe), data: data(group.rank), output: output, group: group
        ) { try make($0!.rank) }.outcome
      }
    }.map {
      switch $0 {
      case .success(let outcome): "\(outcome)"
      case .failure(let error): "\(error)"
      }
    }
  }

  @Test func aRankThatFailsEndsAllWithItsReason() throws {
    let (photos, output) = (try photos(3), try TemporaryFolder())
    let path = photos.path
    let errors = try errors(3, { _ in path }, output / "run") { rank in
      let stage = try TinyStage()
      if rank == 2 { stage.failsAt = 6 }
      return stage
    }
    #expect(errors[2] == "Failure()")
    for error in errors.prefix(2) {
      #expect(
        error.contains("stopped at step 6: rank 2 (") && error.contains(") stopped: Failure()"))
    }
    #expect(errors[0].contains("with any number of ranks, resumes from checkpoint 4"))
  }

  /// The failure of rank 0, which hosts the store, is told as well.
  @Test func theReasonOfTheFirstRank() throws {
    let (photos, output) = (try photos(3), try TemporaryFolder())
    let path = photos.path
    let errors = try errors(2, { _ in path }, output / "run") { rank in
      let stage = try TinyStage()
      if rank == 0 { stage.failsAt = 2 }
      return stage
    }
    #expect(errors[0] == "Failure()" && errors[1].contains("rank 0 ("))
    #expect(errors[1].contains(") stopped: Failure()"))
  }

  /// A rank that is gone without a word.
  @Test func aRankThatDies() throws {
    let (photos, output) = (try photos(3), try TemporaryFolder())
    let (path, run, text) = (photos.path, output / "run", recipe)
    let results = try onRanks(2, timeout: .seconds(10)) { group, _ in
      try RankRun(TrainingRecipe(text: text), data: path, output: run, group: group) {
        let stage = try TinyStage()
        if $0!.rank == 1 { stage.failsAt = 3 }
        return stage
      }.outcome
    }
    let error = #expect(throws: TrainingError.self) { try results[0].get() }
    #expect("\(error!)".contains("stopped at step 3: "))
    #expect("\(error!)".contains("resumes from the beginning"))
  }

  @Test func parametersThatDifferAreNoticedAtACheckpoint() throws {
    let (photos, output) = (try photos(3), try TemporaryFolder())
    let path = photos.path
    let errors = try errors(3, { _ in path }, output / "run") { rank in
      let stage = try TinyStage()
      if rank == 1 { stage.disturbsAt = 6 }
      return stage
    }
    let told = "stopped at step 8: the parameters of rank 1 are no longer those of rank 0"
    // One of them tells it.
    #expect(errors.contains { $0.contains(told) })
    #expect(errors.allSatisfy { $0.contains(told) || $0 == "AlreadyReported()" })
    #expect(CheckpointFolder(run: output / "run").steps == [4])
  }

  @Test func otherDataOnOneRankAreRefused() throws {
    let (few, many, output) = (try photos(3), try photos(4), try TemporaryFolder())
    let (first, second) = (few.path, many.path)
    let errors = try errors(2, { $0 == 0 ? first : second }, output / "run") { _ in
      try TinyStage()
    }
    #expect(errors[1].contains("rank 1 does not train what rank 0 trains: other pictures"))
    #expect(errors[0].contains("rank 1 (") && errors[0].contains("other pictures"))
  }
}
