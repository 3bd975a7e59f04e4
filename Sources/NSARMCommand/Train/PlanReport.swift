import Foundation
import Settings
import Terminal
import Training

/// A plan as text and as JSON.
struct PlanReport {
  let plan: RunPlan

  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(plan), as: UTF8.self)
  }

  var text: String {
    let memory = plan.bytesPerRank
    let rows = [
      ("weights", memory.weights), ("weights, not trained", memory.frozenWeights),
      ("gradients", memory.gradients), ("optimiser", memory.moments),
      ("averages", memory.averages), ("gradients being sent", memory.buckets),
      ("gathered and converted", memory.gathered), ("activations", memory.activations),
      ("loader, at most", memory.loader), ("program", memory.program),
      ("at most at once", memory.total),
    ]
    var lines = [
      "\(plan.stage): \(grouped(plan.trainedParameters)) weights are trained, "
        + "\(grouped(plan.frozenParameters)) are not",
      "\(counted(plan.ranks, "rank")), \(counted(plan.samplesPerRank, "sample")) each; recompute "
        + "\(plan.memory.recompute.rawValue), sharding \(plan.memory.sharding.rawValue)",
      "", "Memory of a rank",
    ]
    lines += rows.filter { $0.1 > 0 }.map { labelled($0.0, Self.bytes($0.1)) }
    lines += [
      "", "An update",
      labelled("operations", String(format: "%.3g", plan.operations) + " of a rank"),
      labelled("computation", String(format: "%.3g s", plan.computeSeconds)),
    ]
    if plan.ranks > 1 {
      lines += [
        labelled("sent", Self.bytes(plan.sentBytes) + " by a rank"),
        labelled("communication", String(format: "%.3g s", plan.communicationSeconds)),
      ]
    }
    lines += [
      labelled("together", String(format: "%.3g s", plan.seconds)),
      labelled("updates per hour", String(format: "%.3g", plan.stepsPerHour)),
    ]
    if let hours = plan.hours {
      lines.append(labelled("the recipe", ProgressLine.duration(hours * 3600)))
    }
    return lines.joined(separator: "\n")
  }

  private static func bytes(_ count: Double) -> String {
    count < 0x1p30
      ? String(format: "%.3g MiB", count / 0x1p20) : String(format: "%.4g GiB", count / 0x1p30)
  }
}

extension TrainCommand {
  /// A run that does not fit.
  private struct TooLarge: Error, CustomStringConvertible { let description: String }

  /// Prints the plan of the run.
  /// - Throws: `TooLarge`, after the plan, where a rank has too little memory.
  func printPlan() throws {
    let recipe = try TrainingRecipe(file: recipe)
    let precision = compute.precision ?? recipe.settings.precision
    let configuration = try planning.configuration(
      initFolder, stage: recipe.settings.stage)
    let machine = try planning.machine(compute, precision)
    let plan = try RunPlan(recipe, from: configuration, precision: precision, on: machine)
    let report = PlanReport(plan: plan)
    try StandardOutput.print(planning.json ? try report.json() : report.text)
    if let problem = plan.problem(
      recipe, from: configuration, precision: precision, on: machine)
    {
      throw TooLarge(description: problem)
    }
  }
}
