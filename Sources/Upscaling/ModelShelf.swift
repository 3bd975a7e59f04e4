import Files
import Foundation
import NSARM
import SuperResolution
import Synchronization
import Torch

/// The models that a process restores with, by name. One is loaded when it is first asked for and
/// stays for the pictures after that; of more than two, or where memory has no room for two, the
/// one goes that has not been used for longest.
///
/// Sendable: loading follows loading on a thread of its own.
public final class ModelShelf: Sendable {
  /// The way in which models are run.
  public struct Options: Sendable {
    /// The arithmetic, the device and the memory of all models together.
    public var loader = ModelLoader()
    /// Makes features of a prompt for a model; nil: prompts are not taken.
    public var encode: (@Sendable (ModelFolder, String) throws -> TextFeatures)?
    /// Receives a line for the user on a model that has been loaded.
    public var note: @Sendable (String) -> Void = { _ in }

    public init() {}
  }

  /// A model that can restore. Who keeps it keeps it in memory.
  public struct Loaded: Sendable {
    public let upscaler: PhotoUpscaler
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
  /// Used by the worker alone, so that nobody waits for it.
  private let state = Mutex(State())

  fileprivate struct State {
    /// The model that was used last is the last.
    var loaded: [Loaded] = []
    /// The prompt that was encoded last: the next picture often has the same.
    var last: (name: String, prompt: String, text: TextFeatures)?
  }

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

  /// Finds a model, without loading it.
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
      try state.withLock { state in
        try state.present(entry, strength) ?? load(entry, strength, &state)
      }
    }
  }

  /// Whether a model takes a prompt.
  public func takesPrompt(_ entry: Entry) -> Bool { options.encode != nil && entry.takesPrompt }

  /// The features of a prompt for a model. Text encoders are large: where memory is limited, models
  /// make room for them.
  ///
  /// - Parameters:
  ///   - prompt: what a picture shows.
  ///   - name: nil: the default model.
  /// - Throws: `ModelShelfError`; what the encoder throws.
  public func text(_ prompt: String, for name: String? = nil) async throws -> TextFeatures? {
    let entry = try entry(name)
    guard let encode = options.encode else { return nil }
    return try await worker.run { [self] in
      try state.withLock { state in
        if let last = state.last, last.name == entry.name, last.prompt == prompt {
          return last.text
        }
        let loader = options.loader
        if loader.limit(try loader.policy(entry.folder)) != nil { state.loaded.removeAll() }
        let text = try encode(entry.folder, prompt)
        state.last = (entry.name, prompt, text)
        return text
      }
    }
  }

  /// The names of the models that are loaded, the one that was used last at the end.
  func loadedNames() async throws -> [String] {
    try await worker.run { [self] in state.withLock { $0.loaded.map(\.name) } }
  }

  private func load(_ entry: Entry, _ strength: Double, _ state: inout State) throws -> Loaded {
    var loader = options.loader
    loader.strength = strength
    let policy = try loader.policy(entry.folder)
    var limit = loader.limit(policy, includingOwn: true)
    // What does not fit even alone sends no other model away.
    var plan = try loader.plan(entry.folder, policy, within: limit)
    while state.loaded.count >= Self.most
      || !state.hasRoom(plan.estimate, batch: loader.batch, limit?.bytes)
    {
      state.loaded.removeFirst()
    }
    limit?.bytes -= state.loaded.reduce(0) { $0 + $1.weights }
    plan = try plan.limited(to: limit)
    let (memory, estimate) = (plan.memory, plan.estimate)
    let new = Loaded(
      upscaler: PhotoUpscaler(try plan.resolver()), name: entry.name, strength: strength,
      weights: estimate.weights + memory.blocks * estimate.block, peak: memory.peak)
    state.loaded.append(new)
    if let text = memory.note { options.note(text) }
    return new
  }
}

extension ModelShelf.State {
  /// The model if it is loaded; with another strength it goes, for its place is needed.
  fileprivate mutating func present(_ entry: ModelShelf.Entry, _ strength: Double)
    -> ModelShelf.Loaded?
  {
    guard let place = loaded.firstIndex(where: { $0.name == entry.name }) else { return nil }
    let model = loaded.remove(at: place)
    guard model.strength == strength else { return nil }
    loaded.append(model)
    return model
  }

  /// Whether a model can be run at its fastest beside those that are loaded, and they beside it.
  fileprivate func hasRoom(_ estimate: MemoryEstimate, batch: Int, _ limit: Int?) -> Bool {
    guard let limit, !loaded.isEmpty else { return true }
    let own = estimate.weights + estimate.blockCount * estimate.block
    let peak = estimate.peak(batch: batch, blocks: estimate.blockCount)
    let others = loaded.reduce(0) { $0 + $1.weights }
    return peak + others <= limit
      && loaded.allSatisfy { $0.peak + others - $0.weights + own <= limit }
  }
}
