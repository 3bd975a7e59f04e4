import Foundation
import TestSupport
import Testing

/// `nsarm train --plan`.
@Suite(.ownThreads) struct TrainPlanTests {
  private static let recipes = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Recipes/published").path

  private func plan(_ recipe: String, _ options: [String]) throws -> Command.Result {
    try Command.run(["train", Self.recipes + "/" + recipe, "--plan"] + options)
  }

  private static let gpus = [
    "--device", "cuda", "--plan-ranks", "32", "--plan-flops", "300e12", "--plan-bandwidth", "50e9",
  ]

  /// The published recipes fit on the GPUs that they are for.
  @Test(arguments: ["125m", "2b", "8b"], ["stage1", "stage2"])
  func publishedRecipesFit(_ size: String, _ stage: String) throws {
    let options = Self.gpus + ["--plan-size", size, "--plan-memory", "80GiB", "--json"]
    let result = try plan("\(size)-\(stage).yaml", options)
    #expect(result.status == 0, "\(result.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    let values = try #require(object as? [String: Any])
    let bytes = try #require(values["bytes_per_rank"] as? [String: Double])
    let total = try #require(bytes["total"])
    #expect(total > 4e9 && total < 80 * 0x1p30)
    #expect(bytes["loader"] == 0)
    let updates =
      try #require(values["hours"] as? Double)
      * (try #require(values["steps_per_hour"] as? Double))
    #expect(abs(updates / (stage == "stage1" ? 200_000 : 76_000) - 1) < 1e-6)
  }

  @Test func whatDoesNotFitIsRefusedAfterThePlan() throws {
    let result = try plan(
      "8b-stage2.yaml", Self.gpus + ["--plan-size", "8b", "--plan-memory", "24GiB"])
    #expect(result.status == 1)
    #expect(result.output.contains("updates per hour") && result.output.contains("32 ranks"))
    #expect(result.errorLines.count == 1, "\(result.errors)")
    #expect(result.errors.contains("8b-stage2.yaml: a rank takes "))
    #expect(result.errors.contains("it fits with 'batch: "))
  }

  @Test func mistakesAreNamed() throws {
    for (options, message) in [
      (["--plan"], "--init FOLDER, or --plan-size"),
      (["--plan", "--plan-size", "9b"], "8b"),
      (["--plan", "--plan-size", "8b", "--plan-ranks", "0"], "--plan-ranks has to be"),
      (["--plan", "--plan-size", "8b", "--plan-flops", "nan"], "--plan-flops has to be"),
      (["--plan", "--plan-size", "8b", "--plan-memory", "x"], "--plan-memory"),
      (["--plan", "--plan-size", "8b", "--device", "cuda"], "needs --plan-memory"),
      (["--plan", "--init", "none"], "none: no such model folder"),
      (["--json", "--data", "a", "--output", "b"], "belong to --plan"),
      (["--output", "b"], "--data"), (["--data", "a"], "--output"),
    ] {
      let result = try Command.run(["train", Self.recipes + "/8b-stage2.yaml"] + options)
      #expect(result.status != 0 && result.errors.contains(message), "\(options): \(result.errors)")
    }
  }
}
