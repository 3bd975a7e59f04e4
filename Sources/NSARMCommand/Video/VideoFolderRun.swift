import ArgumentParser
import Files
import Foundation
import SuperResolution
import Terminal
import Torch
import Upscaling
import Video

/// A run of `nsarm video` on a folder: one video after the other, or those that no other process
/// has where several share the folder.
struct VideoFolderRun {
  private let command: VideoCommand
  private let tools: FFmpeg
  private let launch: LaunchEnvironment?
  private let items: [(input: String, output: String)]

  /// The extensions of the files that are taken for videos, and of those that outputs keep.
  private static let readable: Set = [
    "3gp", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ogv", "ts",
    "webm", "wmv",
  ]
  private static let writable: Set = ["m4v", "mkv", "mov", "mp4", "webm"]

  /// - Throws: `ValidationError`, `FileError` where there are no videos or no folder for them.
  init(_ command: VideoCommand, _ tools: FFmpeg, _ launch: LaunchEnvironment?) throws {
    if launch != nil, command.overwrite { throw SharedWorkOptions.isForOne("--overwrite") }
    (self.command, self.tools, self.launch) = (command, tools, launch)
    let (folder, target) = (command.input, command.output)
    if FileManager.default.fileExists(atPath: target), !isFolder(target) {
      throw ValidationError("\(target) is a file; name a folder for the outputs")
    }
    guard PathIdentity(folder) != PathIdentity(target) else {
      throw ValidationError("\(target): the outputs need another folder than the inputs")
    }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    } catch {
      throw ValidationError("\(folder): the folder cannot be listed")
    }
    items = names.compactMap { name in
      let suffix = (name as NSString).pathExtension.lowercased()
      let input = (folder as NSString).appendingPathComponent(name)
      guard !name.hasPrefix("."), Self.readable.contains(suffix), !isFolder(input) else {
        return nil
      }
      let stem = (name as NSString).deletingPathExtension
      let output = Self.writable.contains(suffix) ? name : "\(stem).mkv"
      return (input, (target as NSString).appendingPathComponent(output))
    }
    guard !items.isEmpty else { throw ValidationError("\(folder): no videos found") }
    let rivals = Dictionary(grouping: items, by: \.output).values.first { $0.count > 1 }
    if let rivals {
      throw ValidationError(
        "\(rivals.map(\.input).joined(separator: " and ")): would be written to one file,"
          + " \(rivals[0].output); rename one of them")
    }
    try createFolder(target)
  }

  func run() throws {
    let compute = command.shared.placed(command.compute, launch)
    let plan = try command.plan(compute)
    let upscaler = VideoUpscaler(PhotoUpscaler(try plan.resolver()), tools)
    if let launch { return try runShared(upscaler, plan, launch) }
    let start = Date()
    var (done, skipped, failed) = (0, 0, 0)
    for item in items {
      if command.skipExisting, FileManager.default.fileExists(atPath: item.output) {
        skipped += 1
        continue
      }
      do {
        try restore(item, upscaler, plan)
        done += 1
      } catch is CancellationError {
        command.tellStopped(item.output)
        throw ExitCode(Interruption.status)
      } catch let error as StandardOutput.WriteError {
        throw error
      } catch {
        failed += 1
        note("error: \(text(of: error, item.input))")
      }
    }
    let parts =
      ["\(done) done"]
      + [(skipped, "skipped"), (failed, "failed")].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    let time = ProgressLine.duration(Date().timeIntervalSince(start))
    note("\(parts.joined(separator: ", ")) in \(time)")
    if failed > 0 { throw ExitCode.failure }
  }

  private func runShared(
    _ upscaler: VideoUpscaler, _ plan: ModelLoader.Plan, _ launch: LaunchEnvironment
  ) throws {
    let start = Date()
    let share = try command.shared.share(
      command.output, launch, settings: command.settings(plan.folder, plan.policy),
      units: items.map { ($0.output as NSString).lastPathComponent }
    ) { !FileManager.default.fileExists(atPath: items[$0].output) }
    defer { share.end() }
    do {
      while let claim = try share.next(isStopped: { Interruption.isRequested }) {
        try restore(claim, share, upscaler, plan)
      }
    } catch is CancellationError {
      note("stopped; the others go on")
      throw ExitCode(Interruption.status)
    }
    let summary = ShareSummary(share)
    guard launch.rank == 0 else { return note(summary.part(of: share.worker)) }
    for text in summary.failures(besides: share.worker) { note("error: \(text)") }
    note(summary.line(since: start))
    if summary.failureCount > 0 { throw ExitCode.failure }
  }

  /// Restores a video that is claimed, and tells of a failure.
  /// - Throws: `CancellationError` after Ctrl-C.
  private func restore(
    _ claim: WorkShare.Claim, _ share: WorkShare, _ upscaler: VideoUpscaler,
    _ plan: ModelLoader.Plan
  ) throws {
    let item = items[claim.index]
    if FileManager.default.fileExists(atPath: item.output) {
      return try settleExisting(item, claim, share)
    }
    do {
      var watch = ClaimWatch(share, claim)
      try restore(item, upscaler, plan, claim: claim.number) { try watch.check(atEnd: false) }
      try share.finish(claim, .done)
    } catch is CancellationError {
      try share.release(claim)
      throw CancellationError()
    } catch let error as StandardOutput.WriteError {
      throw error
    } catch FileError.exists {
      // Another process that had the video has published it meanwhile.
      try share.finish(claim, .done)
    } catch {
      // Work in a folder that another process has taken over fails in many ways.
      guard share.holds(claim) else {
        return note("\(item.input): another process has taken it over, and it is left out here")
      }
      let text = text(of: error, item.input)
      if try share.finish(claim, .failed, payload: text) { note("error: \(text)") }
    }
  }

  /// Ends the work on a video whose output is there already.
  private func settleExisting(
    _ item: (input: String, output: String), _ claim: WorkShare.Claim, _ share: WorkShare
  ) throws {
    // By the process that has gone, just before it could say so; else by an earlier run.
    if claim.abandonedBy != nil || command.skipExisting {
      try share.finish(claim, claim.abandonedBy == nil ? .skipped : .done)
      return
    }
    let text = text(of: FileError.exists(path: item.output), item.input)
    if try share.finish(claim, .failed, payload: text) { note("error: \(text)") }
  }

  private func restore(
    _ item: (input: String, output: String), _ upscaler: VideoUpscaler, _ plan: ModelLoader.Plan,
    claim: Int? = nil, check: @escaping () throws -> Void = {}
  ) throws {
    let video = try VideoProperties(item.input, tools)
    if !command.overwrite, FileManager.default.fileExists(atPath: item.output) {
      throw FileError.exists(path: item.output)
    }
    try command.restore(video, to: item.output, upscaler, plan, claim: claim, check: check)
  }

  private func text(of error: any Error, _ input: String) -> String {
    let reason = errorText(error)
    return reason.contains(input) ? reason : "\(input): \(reason)"
  }
}
