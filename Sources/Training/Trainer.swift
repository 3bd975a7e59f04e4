import Files
import Foundation
import Terminal
import Torch

/// The training loop: batches in, updates, averages, logs, validation, previews, checkpoints, the
/// model.
///
/// All randomness is keyed by the recipe's seed and the number of the update, so that a run that
/// was stopped, killed or resumed gives the same bits as an uninterrupted one.
public final class Trainer {
  public enum Outcome: Equatable, Sendable {
    /// The run is complete; the model is in the folder "model" of the output.
    case finished(step: Int)
    /// The run was stopped on request, after writing a checkpoint.
    case interrupted(step: Int)
  }

  /// The number of consecutive updates without finite losses and gradients after which training
  /// stops.
  static let patience = 20

  let stage: any TrainingStage
  let recipe: TrainingRecipe
  let source: any TrainingSource
  let validation: ValidationSet?
  let folder: RunFolder
  let checkpoints: CheckpointFolder
  let updater: Updater
  var state: TrainingState { updater.state }
  let provenance: [String: String]
  let initial: String?
  let shouldStop: (_ step: Int) -> Bool
  let progress: ProgressLine
  var device: Device { stage.policy.device }
  var settings: TrainingRecipe.Settings { recipe.settings }

  private var started = Date()
  private var earlierSeconds = 0.0
  private var lastCheckpoint = Date()
  private var badSteps = 0
  private var secondsPerStep: Double?

  /// Locks the output folder and, where it holds a checkpoint, restores the newest.
  /// - Parameters:
  ///   - provenance: facts for the model's card, besides those that the trainer adds.
  ///   - isSilent: whether to write nothing to standard error.
  ///   - initial: the model folder or file of weights that the stage started from.
  ///   - acceptsChanges: whether to resume a run whose recipe, data or start have changed.
  ///   - shouldStop: called with the number of finished updates, after every update and while
  ///     waiting for data.
  /// - Throws: `TrainingError`, for example where the folder holds another run.
  public init(
    _ stage: any TrainingStage, recipe: TrainingRecipe, source: any TrainingSource,
    validation: ValidationSet?, output: String, provenance: [String: String] = [:],
    initial: String? = nil, acceptsChanges: Bool = false, isSilent: Bool = false,
    shouldStop: @escaping (_ step: Int) -> Bool = { _ in false }
  ) throws {
    try validation?.check(stage.problem(validatingHeight:width:))
    try recipe.checkMemory(scale: stage.scale, hasTeacher: source.hasTeacher)
    self.stage = stage
    self.recipe = recipe
    self.source = source
    self.validation = validation
    self.provenance = provenance
    self.initial = initial
    self.shouldStop = shouldStop
    progress = ProgressLine(isSilent: isSilent)
    checkpoints = CheckpointFolder(run: output)
    if checkpoints.steps.isEmpty { try RunFolder.rejectForeign(output) }
    folder = try RunFolder(output)
    updater = try Updater(stage, recipe.settings)
    AtomicFolder.recoverAll(in: output)
    let inputs = try RunInputs(source, initial: initial)
    if let step = checkpoints.steps.last {
      try resume(step, inputs, acceptsChanges: acceptsChanges)
    }
    try folder.rewind(to: state.step)
    try inputs.write(output)
  }

  /// Restores a checkpoint after comparing its run with this one.
  private func resume(_ step: Int, _ inputs: RunInputs, acceptsChanges: Bool) throws {
    let earlier = try checkpoints.recipe(step)
    let differences = recipe.modelDifferences(from: earlier)
    guard differences.isEmpty else {
      throw TrainingError.differentModel(folder: folder.path, differences: differences)
    }
    let (changes, details) = recipe.otherDifferences(from: earlier)
    let all = changes + (RunInputs.read(folder.path).map(inputs.differences) ?? [])
    guard all.isEmpty || acceptsChanges else {
      throw TrainingError.otherRun(folder: folder.path, step: step, differences: all)
    }
    try checkpoints.restore(step, into: state)
    progress.message("resuming after step \(step) from \(checkpoints.path(step))")
    if let change = state.change(to: stage.policy) { progress.message("  note: \(change)") }
    for difference in all + details { progress.message("  note: \(difference)") }
  }

  /// Trains to the end of the recipe, or until `shouldStop`.
  /// - Throws: `TrainingError` where training diverges or the disk is full; the errors of losses
  ///   and data.
  public func run() throws -> Outcome {
    started = Date()
    lastCheckpoint = started
    earlierSeconds = state.seconds
    do {
      try prepareCaptions()
    } catch is CancellationError {
      return .interrupted(step: state.step)
    }
    let loader = BatchLoader(
      source, size: settings.batch, first: state.step * settings.accumulation,
      threads: settings.data.loaderThreads, ahead: settings.data.prefetch)
    defer { loader.stop() }
    do {
      return try run(loader, from: state.step)
    } catch let error as TorchError {
      throw TrainingError.resources("\(error)", state, checkpoints)
    }
  }

  private func run(_ loader: BatchLoader, from first: Int) throws -> Outcome {
    while !isDone {
      guard try advance(loader) else {
        if state.step > first { try checkpoint() }
        return .interrupted(step: state.step)
      }
      let stopping = shouldStop(state.step)
      if due(settings.validationEvery) { try validate() }
      if due(settings.previewEvery) { try preview() }
      if stopping || isDone || (badSteps == 0 && checkpointIsDue) { try checkpoint() }
      if stopping && !isDone { return .interrupted(step: state.step) }
    }
    if !due(settings.validationEvery) { try validate() }
    if !due(settings.previewEvery) { try preview() }
    try export()
    return .finished(step: state.step)
  }

  // MARK: Schedule

  private var elapsed: Double { earlierSeconds + Date().timeIntervalSince(started) }

  /// The finished fraction of the run before the next update, 0...1.
  private var fraction: Double {
    let bySteps = settings.steps.map { Double(state.step) / Double($0) } ?? 0
    let byTime = settings.hours.map { elapsed / ($0 * 3600) } ?? 0
    return min(max(bySteps, byTime), 1)
  }

  private var isDone: Bool { fraction >= 1 }

  private func due(_ interval: Int) -> Bool { interval > 0 && state.step % interval == 0 }

  private var checkpointIsDue: Bool {
    due(settings.checkpointEvery)
      || (settings.checkpointMinutes > 0
        && Date().timeIntervalSince(lastCheckpoint) > settings.checkpointMinutes * 60)
  }

  // MARK: One update

  /// - Returns: false where the run is to stop before the update's data is ready.
  private func advance(_ loader: BatchLoader) throws -> Bool {
    let start = Date()
    let step = state.step + 1
    var wait = 0.0
    var batches: [TrainingBatch] = []
    for _ in 0..<settings.accumulation {
      guard let next = try loader.next(unless: { shouldStop(state.step) }) else { return false }
      wait += next.wait
      batches.append(next.batch.to(device))
    }
    let factor = settings.scheduleFactor(step: step, progress: fraction)
    let result = try updater.update(batches, step: step, factor: factor)
    badSteps = result.isFinite ? 0 : badSteps + 1
    let seconds = Date().timeIntervalSince(start)
    try log(result, factor: factor, seconds: seconds, wait: wait)
    secondsPerStep = secondsPerStep.map { 0.95 * $0 + 0.05 * seconds } ?? seconds
    progress.update(force: step == 1) { status(result, wait: wait, seconds: seconds) }
    if badSteps >= Trainer.patience {
      throw TrainingError.diverged(step: step, count: badSteps, folder: folder.path)
    }
    return true
  }

  private func log(_ result: UpdateResult, factor: Double, seconds: Double, wait: Double) throws {
    let entry = UpdateLogEntry(
      step: state.step, loss: result.losses, gradientNorm: result.norms, figures: result.figures,
      learningRate: settings.learningRate * factor, skipped: result.isFinite ? nil : 1,
      seconds: seconds, waitSeconds: wait,
      samplesPerSecond: Double(settings.batch * settings.accumulation) / seconds)
    try folder.append(entry, to: "log.jsonl")
  }

  private func status(_ result: UpdateResult, wait: Double, seconds: Double) -> String {
    let rate = secondsPerStep ?? seconds
    var remaining = Double.infinity
    if let steps = settings.steps { remaining = Double(steps - state.step) * rate }
    if let hours = settings.hours { remaining = min(remaining, hours * 3600 - elapsed) }
    let losses = result.losses.sorted { $0.key < $1.key }
      .map { "\($0.key) " + String(format: "%.4g", $0.value) }.joined(separator: "  ")
    let total = settings.steps.map { "/\($0)" } ?? ""
    var text =
      ProgressLine.bar(fraction) + " step \(state.step)\(total)  \(losses)  "
      + String(format: "%.3g s/step", rate) + "  \(ProgressLine.duration(max(remaining, 0))) left"
    if wait > 0.2 * seconds {
      text += String(format: "  (waiting for data %.0f %%)", 100 * wait / seconds)
    }
    if badSteps > 0 { text += "  (\(badSteps) steps not finite, skipped)" }
    return text
  }

  // MARK: Validation and previews

  /// Runs `body` as at inference: averaged weights, no graph, the recipe's precision.
  private func evaluating<Result>(_ body: () throws -> Result) throws -> Result {
    try throwingResourceErrors {
      try withoutGradients {
        try state.average.withAverages {
          try stage.policy(body)
        }
      }
    }
  }

  private func validate() throws {
    guard let validation else { return }
    var sums: [String: Double] = [:]
    var count = 0
    try evaluating {
      for batch in validation.batches {
        for (name, value) in try stage.validate(batch.to(device)) {
          sums[name, default: 0] += value * Double(batch.count)
        }
        count += batch.count
      }
    }
    let figures = sums.mapValues { $0 / Double(count) }
    try folder.append(
      ValidationLogEntry(step: state.step, figures: figures, samples: count),
      to: "validation.jsonl")
    let text = figures.sorted { $0.key < $1.key }.map {
      "\($0.key) " + String(format: "%.5g", $0.value)
    }
    progress.message("validation at step \(state.step): " + text.joined(separator: "  "))
  }

  /// Writes a preview of validation pictures or, without a validation set, of the first training
  /// samples.
  private func preview() throws {
    let count = settings.data.previewCount
    let batches =
      try validation?.preview(count)
      ?? [TrainingBatch((0..<min(count, settings.batch)).map { try source.pair($0) })]
    let path = folder.path + "/previews/step-\(padded(state.step)).jpg"
    try evaluating {
      let rows = try batches.flatMap { try stage.preview($0.to(device)) }
      try checkResources()
      try writing(path) { try PreviewSheet.write(rows, to: path) }
    }
  }

  // MARK: Checkpoints and export

  private func checkpoint() throws {
    state.seconds = elapsed
    state.computed = stage.policy.title
    try checkpoints.write(state, recipe: recipe)
    try export()
    lastCheckpoint = Date()
  }

  /// Writes the averaged model to the folder "model" of the output, in place of an earlier one.
  private func export() throws {
    var facts = provenance
    facts["stage"] = settings.stage
    facts["step"] = String(state.step)
    facts["seed"] = String(settings.seed)
    facts["samples_seen"] = String(state.step * settings.batch * settings.accumulation)
    facts["training_hours"] = String(format: "%.3f", elapsed / 3600)
    facts["training_photos"] = String(source.count)
    facts["training_pixels"] = String(source.pixels)
    facts["recipe"] = recipe.text
    let path = folder.path + "/model"
    try writing(path) {
      try withoutGradients {
        try state.average.withAverages { try stage.export(to: path, provenance: facts) }
      }
      try linkTextEncoder(in: path)
    }
  }
}
