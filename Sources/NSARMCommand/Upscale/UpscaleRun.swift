import ArgumentParser
import Files
import Foundation
import Imaging
import NSARM
import SuperResolution
import Terminal
import Torch
import Upscaling

/// A run of `nsarm upscale`: one picture after the other.
struct UpscaleRun {
  let command: UpscaleCommand
  private let streams = StandardStreams()
  var output: UpscaleOutput
  /// The model, chosen once: the memory that is free, and so the choice, may change.
  private var chosen: ModelFolder?
  /// The plan for the model and the options of all pictures, made once.
  var prepared: (plan: ModelLoader.Plan, options: PhotoUpscaler.Options)?
  var upscaler: PhotoUpscaler?

  init(_ command: UpscaleCommand) {
    self.command = command
    output = UpscaleOutput(command, streams)
  }

  /// - Parameter launch: the place of this process among those that share the work; nil: it works
  ///   alone.
  mutating func start(_ launch: LaunchEnvironment?) throws {
    Interruption.install()
    defer { streams.remove() }
    if !command.isDry {
      // libtorch is loaded while the inputs are looked through and the first of them is read.
      try ImageFile.start()
      TorchRuntime.preload()
      try command.compute.threads.apply()
    }
    if command.watch { try watch() }
    let plan = try UpscalePlan(command, streams) { try modelFolder().configuration.name }
    // What all processes see alike is told by one.
    if launch?.rank ?? 0 == 0 {
      for failure in plan.failures { try output.failed(failure.input, failure.error) }
      for text in plan.notes { note("note: \(text)") }
    }
    if let launch {
      try restoreShared(plan.items, launch)
      // Launchers end all processes when one fails: the failures of all are rank 0's to tell.
      if launch.rank == 0, output.failureCount > 0 { throw ExitCode.failure }
      return
    }
    let items = try withoutOutputs(plan.items)
    if let dump = command.dump, let item = items.first {
      try TensorDump.check(dump, item, overwrites: command.picture.overwrite)
    }
    if command.dryRun {
      for item in items { try output.planned(item) }
    } else if command.explain {
      for item in items { try output.explained(item) }
    } else if !items.isEmpty {
      try restore(items)
    }
    if plan.items.count + plan.failures.count > 1, !command.isDry { output.summarize() }
    if output.failureCount > 0 { throw ExitCode.failure }
  }

  /// Restores the pictures that come into the folders, until a signal ends it.
  private mutating func watch() throws -> Never {
    _ = try modelFolder()  // a wrong name is told at once
    var watch = FolderWatch()
    note("watching \(command.inputs.joined(separator: ", ")); Ctrl-C ends it")
    while !Interruption.isRequested {
      let plan = try UpscalePlan(command, streams) { try modelFolder().configuration.name }
      for failure in watch.complete(plan.failures, path: \.input) {
        try output.failed(failure.input, failure.error)
      }
      let items = try withoutOutputs(watch.complete(plan.items, path: \.input.path))
      if items.isEmpty {
        Thread.sleep(forTimeInterval: FolderWatch.interval)
      } else {
        try restore(items)
      }
    }
    output.summarize()
    throw ExitCode(Interruption.status)
  }

  /// The items that have no output yet, where only these are wanted.
  private mutating func withoutOutputs(_ items: [BatchPlan.Item]) throws -> [BatchPlan.Item] {
    guard command.skipExisting || command.watch && !command.picture.overwrite else { return items }
    var result: [BatchPlan.Item] = []
    for item in items {
      if FileManager.default.fileExists(atPath: item.output) {
        try output.skipped(item)
      } else {
        result.append(item)
      }
    }
    return result
  }

  private mutating func restore(_ items: [BatchPlan.Item]) throws {
    var items = items
    // Read while libtorch is being loaded; what is wrong with it is told when it is its turn.
    let first = items[0]
    var early = try? reader(first, decoded: true)
    let (plan, options) = try prepared ?? prepare(modelFolder())
    prepared = (plan, options)
    // The text encoder goes before the model comes.
    let prompts = try prompts(&items, plan.folder, plan.policy)
    guard !items.isEmpty else { return }
    let upscaler = try upscaler ?? PhotoUpscaler(plan.resolver())
    self.upscaler = upscaler
    output.model = (plan.folder.configuration.name, plan.policy)

    let progress = BatchProgress(items)
    for (index, item) in items.enumerated() {
      progress.begin(index)
      do {
        if Interruption.isRequested { throw CancellationError() }
        try item.createFolder()
        let start = Date()
        var options = options
        prompts.apply(to: &options.resolver, item)
        let dump = command.dump.map { TensorDump($0) }
        options.resolver.inspect = dump.map { dump in { @Sendable in dump.add($0) } }
        let reader = try item.output == first.output ? early ?? reader(item) : reader(item)
        early = nil
        let report = try upscaler(reader, to: item.output, options) { fraction in
          if Interruption.isRequested { throw CancellationError() }
          progress.update(fraction)
        }
        progress.clear()
        try dump?.write()
        try output.succeeded(
          item, report, prompt: prompts(item) ?? standardPrompt(plan.folder),
          seconds: Date().timeIntervalSince(start))
      } catch is CancellationError {
        progress.clear()
        note("stopped; \(streams.named(item.input.path)) was not finished")
        if items.count > 1 || command.watch { output.summarize() }
        throw ExitCode(Interruption.status)
      } catch let error as StandardOutput.WriteError {
        throw error
      } catch let error as ExitCode {
        throw error
      } catch FileError.exists where command.skipExisting {
        try output.skipped(item)
      } catch {
        progress.clear()
        try output.failed(item.input.path, error)
      }
    }
  }
}

extension UpscaleRun {
  private var loader: ModelLoader {
    get throws {
      try command.compute.loader(
        memory: command.memory.limit, standard: command.asPublished ? .bfloat16 : .auto)
    }
  }

  /// - Throws: what is wrong with the model's folder, or with the strength for it.
  mutating func modelFolder() throws -> ModelFolder {
    if let chosen { return chosen }
    let folder = try command.model.folder(fastEnoughWith: loader)
    try folder.check(strength: command.restoration.dial)
    let c = folder.configuration
    guard !command.asPublished || c.transformer?.text != nil && c.transformationNetwork != nil
    else {
      throw UpscaleOptionError(
        "--as-published is for the published NSARM, which '\(c.name)' is not; leave it out")
    }
    guard command.dump == nil || c.drawsCode || (command.shortcuts.scaleCount.scales ?? 0) > 0
    else {
      throw UpscaleOptionError(
        "--dump shows a code, and '\(c.name)' draws none; leave it out")
    }
    chosen = folder
    return folder
  }

  /// The prompt of pictures for which none is given; nil: the null text, or none.
  func standardPrompt(_ folder: ModelFolder) -> String? {
    upscaler?.resolver.model.text == nil ? nil : folder.configuration.prompt
  }

  func reader(_ item: BatchPlan.Item, decoded: Bool = false) throws -> ImageReader {
    var options = command.reading
    options.page = item.page
    let reader = try ImageFile.open(item.input.path, options: options)
    if decoded { try reader.decode() }
    return reader
  }

  /// - Throws: `SuperResolutionError` where the model does not fit into memory.
  func prepare(_ folder: ModelFolder) throws
    -> (plan: ModelLoader.Plan, options: PhotoUpscaler.Options)
  {
    let options = command.options(folder.configuration)
    var loader = try loader
    loader.window = options.resolver.window
    loader.strength = command.restoration.dial
    let plan = try loader.plan(folder)
    if let text = plan.memory.note { note("note: \(text)") }
    if folder.configuration.prompt != nil, !command.prompts.isGiven, !folder.hasPrompt {
      note(
        "note: \(folder.path) lacks the features of its prompt, and the null text stands in for it;"
          + " convert the model again, with --text-encoder")
    }
    return (plan, options)
  }

  /// The prompts of all pictures; those that get none for a fault of theirs are reported and taken
  /// out of `items`.
  mutating func prompts(
    _ items: inout [BatchPlan.Item], _ folder: ModelFolder, _ policy: ComputePolicy
  ) throws -> UpscalePrompts {
    var failures: [(item: BatchPlan.Item, error: any Error)] = []
    let prompts: UpscalePrompts
    do {
      prompts = try UpscalePrompts(
        command.prompts, folder, items, reading: command.reading, policy: policy
      ) { failures.append(($0, $1)) }
    } catch is CancellationError {
      note("stopped before the first picture")
      throw ExitCode(Interruption.status)
    }
    for (item, error) in failures { try output.failed(item.input.path, error) }
    let failed = Set(failures.map(\.item.input.path))
    items.removeAll { failed.contains($0.input.path) }
    return prompts
  }
}

/// The progress of a list of pictures, measured by the sizes of their files.
private final class BatchProgress {
  private let items: [BatchPlan.Item]
  private let weights: [Double]
  private let total: Double
  private let display = ProgressDisplay("")
  private var index = 0
  private var done = 0.0

  init(_ items: [BatchPlan.Item]) {
    self.items = items
    weights = items.map { item in
      var status = stat()
      return stat(item.input.path, &status) == 0 ? Double(status.st_size) + 1 : 1
    }
    total = weights.reduce(0, +)
  }

  /// Passes to another picture.
  func begin(_ index: Int) {
    self.index = index
    done = weights[..<index].reduce(0, +)
    let name =
      (items[index].input.path as NSString).lastPathComponent
      + (items[index].page.map { ", page \($0 + 1)" } ?? "")
    display.name = items.count == 1 ? name : "\(name), \(index + 1) of \(items.count)"
  }

  func update(_ fraction: Double) {
    display.update((done + weights[index] * fraction) / total)
  }

  func clear() { display.clear() }
}
