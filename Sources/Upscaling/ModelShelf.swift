import Files
import Foundation
import NSARM
import Torch

/// The models that a process restores with, by name. One is loaded when it is first asked for and
/// stays for the pictures after that; of more than two, or where memory has no room for two, the
/// one goes that has not been used for longest.
///
/// Sendable: loading follows loading on a thread of its own.
public final class ModelShelf: @unchecked Sendable {
  /// How models are run.
  public struct Options: Sendable {
    /// Where and how exactly a model computes; by default what suits it on this machine.
    public var policy: @Sendable (ModelFolder) throws -> ComputePolicy = { try $0.policy() }
    /// Bytes that the process may take with such a policy; nil: any number.
    public var limit: @Sendable (ComputePolicy) -> Int? = { _ in nil }
    /// Tiles that may go through a transformer together.
    public var batch = SuperResolver.Options().batch
    /// What a prompt is to a model; nil: prompts are not taken.
    public var encode: (@Sendable (ModelFolder, String) throws -> TextFeatures)?
    /// Hears what a user should know of a model that has been loaded.
    public var note: @Sendable (String) -> Void = { _ in }

    public init() {}
  }

  /// A model that can restore. Who keeps it keeps it in memory.
  public struct Loaded: Sendable {
    public let upscaler: PhotoUpscaler
    /// Tiles that go through the transformer together.
    public let batch: Int
    let name: String
    let strength: Double
    /// Bytes that it takes while it does nothing, and the most while it restores.
    let weights, peak: Int
  }

  public let entries: [Entry]
  /// The model that is taken where none is named.
  public let standard: Entry
  private let options: Options
  private let worker = SerialWorker()
  /// The one that was used last is the last; touched by the worker alone.
  private var loaded: [Loaded] = []
  /// The prompt that was encoded last: the next picture often has the same.
  private var last: (name: String, prompt: String, text: TextFeatures)?

  private static let most = 2

  /// - Parameters:
  ///   - entries: the models that there are.
  ///   - standard: the one that is taken where none is named, instead of another of its name.
  ///   - options: how they are run.
  public init(_ entries: [Entry], standard: Entry, _ options: Options = Options()) {
    var entries = entries
    if let place = entries.firstIndex(where: { $0.name == standard.name }) {
      entries[place] = standard
    } else {
      entries.insert(standard, at: 0)
    }
    self.entries = entries
    self.standard = standard
    self.options = options
  }

  /// What is asked for, without loading it.
  ///
  /// - Parameters:
  ///   - name: nil: the default model.
  ///   - strength: as in `ModelFolder.load`.
  /// - Throws: `ModelShelfError`.
  public func entry(_ name: String?, strength: Double = 1) throws -> Entry {
    guard let entry = name == nil ? standard : entries.first(where: { $0.name == name }) else {
      throw ModelShelfError.unknown(
        oneLine(String(name!.prefix(40))), known: entries.map(\.name))
    }
    guard strength == 1 || entry.hasDial else {
      throw ModelShelfError.noDial(
        entry.name, withDial: entries.filter(\.hasDial).map(\.name))
    }
    return entry
  }

  /// A model, loaded where it is not yet.
  ///
  /// - Parameters:
  ///   - name: nil: the default one.
  ///   - strength: 0...1, as in `ModelFolder.load`; another one than before loads the weights
  ///     again.
  /// - Throws: `ModelShelfError`; what `ModelFolder.load` throws; `SuperResolutionError` where the
  ///   model does not fit into memory.
  public func model(_ name: String? = nil, strength: Double = 1) async throws -> Loaded {
    let entry = try entry(name, strength: strength)
    return try await worker.run { [self] in
      try present(entry, strength) ?? load(entry, strength)
    }
  }

  /// Whether a model is told what a picture shows.
  public func takesPrompt(_ entry: Entry) -> Bool { options.encode != nil && entry.takesPrompt }

  /// What a prompt is to a model. Text encoders are large: where memory is limited, models make
  /// room for them.
  ///
  /// - Parameters:
  ///   - prompt: what a picture shows.
  ///   - name: nil: the default model.
  /// - Throws: `ModelShelfError`; what the encoder throws.
  public func text(_ prompt: String, for name: String? = nil) async throws -> TextFeatures? {
    let entry = try entry(name)
    guard let encode = options.encode else { return nil }
    return try await worker.run { [self] in
      if let last, last.name == entry.name, last.prompt == prompt { return last.text }
      if options.limit(try options.policy(entry.folder)) != nil { loaded.removeAll() }
      let text = try encode(entry.folder, prompt)
      last = (entry.name, prompt, text)
      return text
    }
  }

  /// The names of the models that are loaded, the one that was used last at the end.
  func loadedNames() async throws -> [String] {
    try await worker.run { [self] in loaded.map(\.name) }
  }

  /// What is loaded already; with another strength it goes, for its place is needed.
  private func present(_ entry: Entry, _ strength: Double) -> Loaded? {
    guard let place = loaded.firstIndex(where: { $0.name == entry.name }) else { return nil }
    let model = loaded.remove(at: place)
    guard model.strength == strength else { return nil }
    loaded.append(model)
    return model
  }

  private func load(_ entry: Entry, _ strength: Double) throws -> Loaded {
    let configuration = entry.folder.configuration
    let policy = try options.policy(entry.folder)
    let estimate = try MemoryEstimate(configuration, policy)
    let limit = options.limit(policy)
    // What does not fit even alone sends no other model away.
    _ = try MemoryPlan(estimate, policy, limit: limit, batch: options.batch)
    while loaded.count >= Self.most || !fitsBesideOthers(estimate, limit) {
      loaded.removeFirst()
    }
    let others = loaded.reduce(0) { $0 + $1.weights }
    let plan = try MemoryPlan(
      estimate, policy, limit: limit.map { $0 - others }, batch: options.batch)
    let model = try entry.folder.load(policy, keeping: plan.blockBytes, strength: strength)
    let new = Loaded(
      upscaler: PhotoUpscaler(try SuperResolver(model)), batch: plan.batch, name: entry.name,
      strength: strength, weights: estimate.weights + plan.blocks * estimate.block,
      peak: plan.peak)
    loaded.append(new)
    if let text = plan.note { options.note(text) }
    return new
  }

  /// Whether a model can be run at its fastest beside those that are loaded, and they beside it.
  private func fitsBesideOthers(_ estimate: MemoryEstimate, _ limit: Int?) -> Bool {
    guard let limit, !loaded.isEmpty else { return true }
    let own = estimate.weights + estimate.blockCount * estimate.block
    let peak = estimate.peak(batch: options.batch, blocks: estimate.blockCount)
    let others = loaded.reduce(0) { $0 + $1.weights }
    return peak + others <= limit
      && loaded.allSatisfy { $0.peak + others - $0.weights + own <= limit }
  }
}
