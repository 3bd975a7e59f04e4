import Files
import Foundation
import Imaging
import NSARM
import Prompts
import SuperResolution
import Terminal
import Torch
import Upscaling

/// The prompts of the pictures of a run, found and encoded before the model is loaded, so that
/// memory never holds both.
struct UpscalePrompts {
  private var texts: [String: String] = [:]
  private var features: [String: TextFeatures] = [:]
  private let negative: String?

  /// - Parameter fail: receives each picture that gets no caption; it is to be left out.
  /// - Throws: `PromptError` where the model takes no text or the prompts have no effect;
  ///   `CaptionError` where the server captions no picture; `CancellationError` after Ctrl-C.
  init(
    _ options: PromptOptions, _ folder: ModelFolder, _ items: [BatchPlan.Item],
    reading: ReadOptions, policy: ComputePolicy,
    fail: (BatchPlan.Item, any Error) throws -> Void
  ) throws {
    negative = options.negativePrompt
    guard options.isGiven else { return }
    let configuration = folder.configuration
    guard let text = configuration.transformer?.text else {
      throw PromptError(
        "\(folder.path): model '\(configuration.name)' has no text condition; leave out the prompt and"
          + " its options, or name a model conditioned on text")
    }
    let guidance = options.guidance ?? configuration.sampling.guidance
    guard negative == nil || !guidance.isOff else {
      throw PromptError("--negative-prompt has no effect without --guidance other than 1")
    }
    // Before hours of captioning: whether there is an encoder.
    let encoder = try PromptEncoder(
      folder.textEncoderPath, channels: text.channels, limit: min(512, text.maximumLength),
      on: policy.device)
    let instead = configuration.prompt == nil ? "the null text" : "the model's own prompt"
    if let ignored = UserFolder.cache.ignored() {
      note(
        "note: XDG_CACHE_HOME is '\(ignored)', no absolute path, and not used: features of prompts are"
          + " kept in \(PromptCache.standard().folder)")
    }
    try find(options, items, reading, instead: instead, fail)
    let all = Set(texts.values).union(negative.map { [$0] } ?? [])
    let progress = ProgressDisplay("prompts")
    defer { progress.clear() }
    features = try encoder(all) { fraction in
      if Interruption.isRequested { throw CancellationError() }
      progress.update(fraction)
    }
  }

  /// The prompt of a picture; nil: the model's own, or the null text.
  func callAsFunction(_ item: BatchPlan.Item) -> String? { texts[item.input.path] }

  /// Sets what the picture is restored with.
  func apply(to options: inout SuperResolver.Options, _ item: BatchPlan.Item) {
    if let features = self(item).flatMap({ features[$0] }) { options.text = features }
    options.negativeText = negative.flatMap { features[$0] }
  }

  /// A picture's caption in the file goes before the server's, or before the prompt of all.
  /// - Parameter instead: names what pictures get that have none of them.
  private mutating func find(
    _ options: PromptOptions, _ items: [BatchPlan.Item], _ reading: ReadOptions,
    instead: String, _ fail: (BatchPlan.Item, any Error) throws -> Void
  ) throws {
    let file = try options.prompts.map { try CaptionFile($0) }
    var endpoint = try options.captionEndpoint.map {
      try CaptionEndpoint($0, model: options.captionModel)
    }
    endpoint?.key = ProcessInfo.processInfo.environment["NSARM_CAPTION_KEY"]
    let progress = ProgressDisplay("captions")
    defer { progress.clear() }
    var (withoutCount, failed) = (0, Set<String>())
    for (index, item) in items.enumerated() where texts[item.input.path] == nil {
      let path = item.input.path
      if let text = file?(path) ?? options.text.prompt {
        texts[path] = text
      } else if let endpoint, !failed.contains(path) {
        progress.update(Double(index) / Double(items.count))
        do {
          texts[path] = try endpoint(file: path, reading: reading) { Interruption.isRequested }
        } catch let error as CaptionError where error.concernsAllPictures {
          throw error
        } catch let error as CancellationError {
          throw error
        } catch {
          progress.clear()
          failed.insert(path)
          try fail(item, error)
        }
      } else if endpoint == nil {
        withoutCount += 1
      }
    }
    if withoutCount > 0, let path = options.prompts {
      note("note: no caption in \(path) for \(counted(withoutCount, "picture")): \(instead)")
    }
  }
}
