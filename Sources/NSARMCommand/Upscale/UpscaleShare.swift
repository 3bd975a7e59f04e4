import ArgumentParser
import Checkpoints
import Files
import Foundation
import Imaging
import NSARM
import SuperResolution
import Terminal
import Torch
import Upscaling

/// `nsarm upscale` as one of several processes that share the folder of the outputs.
extension UpscaleRun {
  /// Restores the pictures that no other process has, until all are done.
  /// - Parameter items: all pictures.
  mutating func restoreShared(_ items: [BatchPlan.Item], _ launch: LaunchEnvironment) throws {
    let start = Date()
    let (plan, options) = try prepared ?? prepare(modelFolder())
    prepared = (plan, options)
    let folder = command.output!
    try createFolder(folder)
    let share = try command.shared.share(
      folder, launch, settings: try command.settings(plan.folder, plan.policy),
      units: items.map { "\($0.input.relativePath)\0\($0.page ?? 0)\0\(Self.name($0, in: folder))" }
    ) { !FileManager.default.fileExists(atPath: items[$0].output) }
    defer { share.end() }
    var all = items
    let prompts = try prompts(&all, plan.folder, plan.policy)
    output.model = (plan.folder.configuration.name, plan.policy)
    let progress = ProgressDisplay("")
    defer { progress.clear() }
    while let claim = try share.next(progress) {
      let item = items[claim.index]
      progress.name = "\((item.input.path as NSString).lastPathComponent), of \(items.count)"
      if FileManager.default.fileExists(atPath: item.output) {
        try settleExisting(item, claim, share)
        continue
      }
      let upscaler = try loaded(plan, claim, share)
      do {
        try item.createFolder()
        let start = Date()
        var options = options
        prompts.apply(to: &options.resolver, item)
        var watch = ClaimWatch(share, claim)
        let report = try upscaler(reader(item), to: item.output, options) { fraction in
          if Interruption.isRequested { throw CancellationError() }
          try watch.check(atEnd: fraction >= 1)
          progress.update((Double(share.endedCount) + fraction) / Double(items.count))
        }
        progress.clear()
        try share.finish(claim, .done)
        try output.succeeded(
          item, report, prompt: prompts(item) ?? standardPrompt(plan.folder),
          seconds: Date().timeIntervalSince(start))
      } catch is CancellationError {
        progress.clear()
        try share.release(claim)
        note("stopped; \(item.input.path) was not finished")
        throw ExitCode(Interruption.status)
      } catch is ClaimWatch.Lost {
        progress.clear()
        note("\(item.input.path): another process has taken it over, and it is left out here")
      } catch FileError.exists {
        // Another process that had the picture has published it meanwhile.
        try share.finish(claim, .done)
      } catch let error as StandardOutput.WriteError {
        throw error
      } catch let error as ExitCode {
        throw error
      } catch {
        progress.clear()
        // That of a process which has lost the picture counts for nothing.
        if try share.finish(claim, .failed, payload: output.text(of: error, item.input.path)) {
          try output.failed(item.input.path, error)
        }
      }
    }
    progress.clear()
    let summary = ShareSummary(share)
    guard launch.rank == 0 else { return note(summary.part(of: share.worker)) }
    let others = summary.failures(besides: share.worker)
    for text in others { note("error: \(text)") }
    note(
      summary.line(
        since: start, otherFailures: output.failureCount + others.count - summary.failureCount))
    if summary.failureCount > 0 { throw ExitCode.failure }
  }

  /// The model, loaded for the first picture.
  /// - Throws: what ends this process, and not the picture that it has claimed.
  private mutating func loaded(
    _ plan: ModelLoader.Plan, _ claim: WorkShare.Claim, _ share: WorkShare
  ) throws -> PhotoUpscaler {
    do {
      let upscaler = try upscaler ?? PhotoUpscaler(plan.resolver())
      self.upscaler = upscaler
      return upscaler
    } catch {
      try share.release(claim)
      throw error
    }
  }

  /// Ends the work on a picture whose output is there already.
  private mutating func settleExisting(
    _ item: BatchPlan.Item, _ claim: WorkShare.Claim, _ share: WorkShare
  ) throws {
    if claim.abandonedBy != nil {
      // By the process that has gone, just before it could say so.
      try share.finish(claim, .done)
    } else if command.skipExisting {
      if try share.finish(claim, .skipped) { try output.skipped(item) }
    } else {
      let error = FileError.exists(path: item.output)
      if try share.finish(claim, .failed, payload: output.text(of: error, item.input.path)) {
        try output.failed(item.input.path, error)
      }
    }
  }

  /// The path of an output below the folder of all.
  private static func name(_ item: BatchPlan.Item, in folder: String) -> String {
    String(item.output.dropFirst(folder.count).drop { $0 == "/" })
  }
}

/// Tells the work on a unit once a second whether it still is this process's.
struct ClaimWatch {
  struct Lost: Error {}

  private let share: WorkShare
  private let claim: WorkShare.Claim
  private var last = SuspendingClock.now

  init(_ share: WorkShare, _ claim: WorkShare.Claim) { (self.share, self.claim) = (share, claim) }

  /// - Parameter atEnd: whether the result is about to be written.
  /// - Throws: `Lost`.
  mutating func check(atEnd: Bool) throws {
    guard atEnd || SuspendingClock.now - last > .seconds(1) else { return }
    last = .now
    if !share.holds(claim) { throw Lost() }
  }
}

extension UpscaleCommand {
  /// Everything that outputs depend on, by the names of options.
  /// - Throws: `CheckpointError` where the model's weights cannot be read.
  func settings(_ folder: ModelFolder, _ policy: ComputePolicy) throws -> [String: String] {
    func text(_ value: (some CustomStringConvertible)?) -> String { value?.description ?? "none" }
    return [
      "--model": try folder.identity(), "--precision": policy.precision.rawValue,
      "--device": policy.device.type, "size": "\(outputSize)",
      "--strength": "\(restoration.dial)", "--temperature": text(restoration.temperature),
      "--seed": "\(restoration.seed ?? 0)", "--color": text(restoration.color?.rawValue),
      "--tile": text(tiles.tile), "--prompt": text(prompts.text.prompt),
      "--prompts": try prompts.prompts.map { hexadecimal(try fingerprint(ofFile: $0)) } ?? "none",
      "--negative-prompt": text(prompts.negativePrompt),
      "--guidance": prompts.guidance.map { "\($0)" } ?? "none",
      "--guidance-layer": text(prompts.guidanceLayer),
      "--scales": text(shortcuts.scaleCount.scales), "--prune": "\(shortcuts.prune?.values ?? [])",
      "--one-pass": "\(shortcuts.onePass)", "--as-published": "\(asPublished)",
      "--context-resize": contextResize.map { "\($0)" } ?? "none",
      "--format": text(form.format?.rawValue), "--metadata": text(form.metadata?.rawValue),
      "--background": text(form.background), "--quality": text(picture.quality.quality),
      "--max-bytes": picture.maxBytes.map { "\($0.bytes)" } ?? "none",
    ]
  }
}
