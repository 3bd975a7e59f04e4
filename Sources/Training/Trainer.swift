import Files
import Foundation
import Terminal
import Torch

/// The training loop: batches in, updates, averages, logs, validation, previews, checkpoints, the
/// model.
///
/// All randomness is keyed by the recipe's seed and the number of the update, so that a run that
/// was stopped, killed or resumed gives the same bits as an uninterrupted one.
///
/// Where several processes train together, each has a trainer of its own, and their calls match.
/// Each takes its part of every batch, of which the recipe gives the size for all of them, so any
/// number of ranks sees the same samples in the same order. Rank 0 alone reads and writes the run's
/// folder; the others get its state over the network. Where the recipe divides the state among the
/// ranks (`MemorySettings.Sharding`), each also reads and writes its part of checkpoints there.
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
  let ranks: Ranks
  /// The path of the run's folder.
  let output: String
  /// The run's folder, where this rank writes it.
  let folder: RunFolder?
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
  /// The seconds of training, and those since the last checkpoint, by the clock of rank 0 after the
  /// last update.
  private var clock = (elapsed: 0.0, sinceCheckpoint: 0.0)
  private var badSteps = 0
  private var secondsPerStep: Double?
  private var pages: RunPages?

  /// Locks the output folder and, where it holds a checkpoint, restores the newest.
  /// - Parameters:
  ///   - provenance: facts for the model's card, besides those that the trainer adds.
  ///   - isSilent: whether to write nothing to standard error.
  ///   - initial: the model folder or file of weights that the stage started from.
  ///   - acceptsChanges: whether to resume a run whose recipe, data or start have changed.
  ///   - group: the processes that train together, the stage's group; nil for this one alone.
  ///   - shouldStop: called with the number of finished updates, after every update and while
  ///     waiting for data. Where it returns true on one rank, all of them stop.
  /// - Throws: `TrainingError`, for example where the folder holds another run or where ranks have
  ///   different data; `ProcessGroupError` where another rank is gone.
  public init(
    _ stage: any TrainingStage, recipe: TrainingRecipe, source: any TrainingSource,
    validation: ValidationSet?, output: String, provenance: [String: String] = [:],
    initial: String? = nil, acceptsChanges: Bool = false, isSilent: Bool = false,
    group: ProcessGroup? = nil, shouldStop: @escaping (_ step: Int) -> Bool = { _ in false }
  ) throws {
    let ranks = Ranks(group, on: stage.policy.device)
    try recipe.checkBatch(ranks: ranks.size)
    try validation?.check(stage.problem(validatingHeight:width:))
    try recipe.checkMemory(
      scale: stage.scale, hasTeacher: source.hasTeacher, ranks: ranks.size)
    self.ranks = ranks
    self.output = output
    self.stage = stage
    self.recipe = recipe
    self.source = source
    self.validation = validation
    self.provenance = provenance
    self.initial = initial
    self.shouldStop = shouldStop
    progress = ProgressLine(isSilent: isSilent || !ranks.isFirst)
    checkpoints = CheckpointFolder(run: output)
    if ranks.isFirst {
      if checkpoints.steps.isEmpty { try RunFolder.rejectForeign(output) }
      folder = try RunFolder(output)
    } else {
      folder = nil
    }
    let inputs = try RunInputs(source, initial: initial)
    // Before anything else is exchanged, which other recipes would not match.
    try ranks.compare(recipe, inputs, stage.policy)
    updater = try Updater(stage, recipe.settings, group: group)
    try ranks.together {
      guard let folder else { return }
      AtomicFolder.recoverAll(in: output)
      if let step = checkpoints.steps.last {
        try resume(step, inputs, acceptsChanges: acceptsChanges)
      }
      try folder.rewind(to: state.step)
      try inputs.write(output)
    }
    try restoreShards()
    try ranks.share(state)
  }

  /// Restores this rank's part of the checkpoint that rank 0 has resumed from.
  private func restoreShards() throws {
    guard !state.shardedFiles.isEmpty else { return }
    try checkpoints.checkShared(ranks)
    let step = Int(try ranks.ofFirst(Double(ranks.isFirst ? checkpoints.steps.last ?? -1 : 0)))
    guard step >= 0 else { return }
    try ranks.together { if !ranks.isFirst { try checkpoints.restore(step, into: state) } }
  }

  /// Restores a checkpoint after comparing its run with this one.
  private func resume(_ step: Int, _ inputs: RunInputs, acceptsChanges: Bool) throws {
    let earlier = try checkpoints.recipe(step)
    let differences = recipe.modelDifferences(from: earlier)
    guard differences.isEmpty else {
      throw TrainingError.differentModel(folder: output, differences: differences)
    }
    let (changes, details) = recipe.otherDifferences(from: earlier)
    let all = changes + (RunInputs.read(output).map(inputs.differences) ?? [])
    guard all.isEmpty || acceptsChanges else {
      throw TrainingError.otherRun(folder: output, step: step, differences: all)
    }
    try checkpoints.restore(step, into: state)
    state.saved = step
    progress.message("resuming after step \(step) from \(checkpoints.path(step))")
    if let change = state.change(to: stage.policy) { progress.message("  note: \(change)") }
    if let change = state.change(toRanks: ranks.size) { progress.message("  note: \(change)") }
    for difference in all + details { progress.message("  note: \(difference)") }
  }

  /// Trains to the end of the recipe, or until `shouldStop`.
  /// - Throws: `TrainingError` where training diverges, the disk is full or another rank is gone;
  ///   the errors of losses and data.
  public func run() throws -> Outcome {
    started = Date()
    lastCheckpoint = started
    earlierSeconds = state.seconds
    pages = try folder.map {
      try RunPages(folder: $0.path, settings: settings, step: state.step)
    }
    do {
      guard try prepareCaptions() else { return .interrupted(step: state.step) }
      clock = (state.seconds, 0)
      let loader = BatchLoader(
        source, size: settings.batch, first: state.step * settings.accumulation,
        threads: settings.data.loaderThreads, ahead: settings.data.prefetch,
        part: (ranks.rank, ranks.size))
      defer { loader.stop() }
      return try run(loader, from: state.step)
    } catch let error as TorchError {
      throw TrainingError.resources("\(error)", state, in: output)
    } catch let error as ProcessGroupError {
      throw TrainingError.rankGone("\(error)", state, in: output)
    }
  }

  private func run(_ loader: BatchLoader, from first: Int) throws -> Outcome {
    while !isDone {
      guard let stopping = try advance(loader) else {
        if state.step > first { try checkpoint() }
        return .interrupted(step: state.step)
      }
      if due(settings.validationEvery) { try validate() }
      if due(settings.previewEvery) { try preview() }
      if stopping || isDone || (badSteps == 0 && checkpointIsDue) { try checkpoint() }
      try pages?.update(elapsed: elapsed, isDue: stopping || due(settings.validationEvery))
      if stopping && !isDone { return .interrupted(step: state.step) }
    }
    if !due(settings.validationEvery) { try validate() }
    if !due(settings.previewEvery) { try preview() }
    try pages?.update(elapsed: elapsed, isDue: true)
    try export()
    return .finished(step: state.step)
  }

  // MARK: Schedule

  /// The seconds of training so far, by this rank's clock.
  private var elapsed: Double { earlierSeconds + Date().timeIntervalSince(started) }

  /// The finished fraction of the run before the next update, 0...1.
  private var fraction: Double {
    let bySteps = settings.steps.map { Double(state.step) / Double($0) } ?? 0
    let byTime = settings.hours.map { clock.elapsed / ($0 * 3600) } ?? 0
    return min(max(bySteps, byTime), 1)
  }

  private var isDone: Bool { fraction >= 1 }

  private func due(_ interval: Int) -> Bool { interval > 0 && state.step % interval == 0 }

  private var checkpointIsDue: Bool {
    due(settings.checkpointEvery)
      || (settings.checkpointMinutes > 0
        && clock.sinceCheckpoint > settings.checkpointMinutes * 60)
  }

  /// What all ranks have to know of an update: the clock of rank 0, whether to stop, and figures of
  /// each.
  private func agree(_ figures: RankFigures) throws -> (stopping: Bool, figures: [RankFigures]) {
    let now = [
      shouldStop(state.step) ? 1 : 0, elapsed, Date().timeIntervalSince(lastCheckpoint),
    ]
    let all = try ranks.all(now + figures.values)
    clock = (all[0][1], all[0][2])
    return (all.contains { $0[0] > 0 }, all.map { RankFigures(Array($0[now.count...])) })
  }

  // MARK: One update

  /// - Returns: whether to stop after the update; nil where the run is to stop before the update's
  ///   data is ready, which a process alone may do.
  private func advance(_ loader: BatchLoader) throws -> Bool? {
    let start = Date()
    let step = state.step + 1
    let before = (bytes: ranks.bytesSent, waited: ranks.secondsWaited)
    var wait = 0.0
    var batches: [TrainingBatch] = []
    for _ in 0..<settings.accumulation {
      let next = try loader.next { ranks.size == 1 && shouldStop(state.step) }
      guard let next else { return nil }
      wait += next.wait
      batches.append(next.batch.to(device))
    }
    let factor = settings.scheduleFactor(step: step, progress: fraction)
    let result = try updater.update(batches, step: step, factor: factor)
    badSteps = result.isFinite ? 0 : badSteps + 1
    let seconds = Date().timeIntervalSince(start)
    let own = RankFigures(
      seconds: seconds, waitSeconds: ranks.secondsWaited - before.waited, dataSeconds: wait,
      bytesSent: ranks.bytesSent - before.bytes)
    let (stopping, figures) = try agree(own)
    wait = figures.map(\.dataSeconds).max()!
    try log(result, figures, factor: factor, seconds: seconds, wait: wait)
    secondsPerStep = secondsPerStep.map { 0.95 * $0 + 0.05 * seconds } ?? seconds
    progress.update(force: step == 1) { status(result, wait: wait, seconds: seconds) }
    if badSteps >= Trainer.patience {
      throw TrainingError.diverged(step: step, count: badSteps, folder: output)
    }
    return stopping
  }

  private func log(
    _ result: UpdateResult, _ figures: [RankFigures], factor: Double, seconds: Double, wait: Double
  ) throws {
    let samples = Double(settings.batch * settings.accumulation)
    let shown = ranks.size > 1 ? figures : nil
    let entry = UpdateLogEntry(
      step: state.step, loss: result.losses, gradientNorm: result.norms, figures: result.figures,
      learningRate: settings.learningRate * factor, skipped: result.isFinite ? nil : 1,
      seconds: seconds, waitSeconds: wait, samplesPerSecond: samples / seconds,
      ranks: shown?.count,
      rankSamplesPerSecond: shown?.map { samples / Double(ranks.size) / $0.busySeconds },
      rankWaitSeconds: shown?.map(\.waitSeconds),
      bytesSent: shown?.map(\.bytesSent))
    try folder?.append(entry, to: "log.jsonl")
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

  /// The figures of the validation pictures, of whose batches every rank takes its share. A rank
  /// that has none left in the last round computes another one for nothing, so that all ranks run
  /// the model equally often.
  private func validate() throws {
    guard let validation else { return }
    var sums: [String: Double] = [:]
    let batches = validation.batches
    try evaluating {
      for first in stride(from: 0, to: batches.count, by: ranks.size) {
        let index = first + ranks.rank
        let batch = batches[min(index, batches.count - 1)]
        let weight = index < batches.count ? Double(batch.count) : 0
        for (name, value) in try stage.validate(batch.to(device)) {
          sums[name, default: 0] += weight > 0 ? value * weight : 0
        }
      }
    }
    let count = batches.reduce(0) { $0 + $1.count }
    let figures = try ranks.sums(sums).mapValues { $0 / Double(count) }
    try folder?.append(
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
    let path = output + "/previews/step-\(padded(state.step)).jpg"
    try evaluating {
      let rows = try batches.flatMap { try stage.preview($0.to(device)) }
      try checkResources()
      guard folder != nil else { return }
      try writing(path) { try PreviewSheet.write(rows, to: path) }
    }
  }

  // MARK: Checkpoints and export

  private func checkpoint() throws {
    state.seconds = elapsed
    state.computed = stage.policy.title
    state.ranks = ranks.size
    try ranks.checkAgreement(of: state, output)
    if state.shardedFiles.isEmpty {
      try ranks.together { if folder != nil { try checkpoints.write(state, recipe: recipe) } }
    } else {
      try checkpoints.writeShards(state, recipe: recipe, ranks)
    }
    try export()
    state.saved = state.step
    lastCheckpoint = Date()
  }

  private func export() throws {
    try throwingResourceErrors {
      try state.average.exporting {
        try ranks.together { if folder != nil { try withoutGradients(writeModel) } }
      }
    }
  }

  /// Writes the model, with the averages in place, to the folder "model" of the output, in place of
  /// an earlier one.
  private func writeModel() throws {
    var facts = provenance
    facts["stage"] = settings.stage
    facts["step"] = String(state.step)
    facts["seed"] = String(settings.seed)
    facts["samples_seen"] = String(state.step * settings.batch * settings.accumulation)
    facts["training_hours"] = String(format: "%.3f", elapsed / 3600)
    facts["training_photos"] = String(source.count)
    facts["training_pixels"] = String(source.pixels)
    facts["recipe"] = recipe.text
    let path = output + "/model"
    try writing(path) {
      try stage.export(to: path, provenance: facts)
      try linkTextEncoder(in: path)
    }
  }
}
