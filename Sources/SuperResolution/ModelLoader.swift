import NSARM
import Torch

/// Loads models for restoring: chooses the arithmetic, plans the memory, reads the weights.
///
/// ```swift
/// let loader = ModelLoader(memory: .bytes(6_000_000_000))
/// let resolver = try loader.resolver(ModelFolder("Models/nano"))
/// ```
public struct ModelLoader: Sendable {
  /// The memory that the process may take while it restores.
  public enum MemoryLimit: Hashable, Sendable {
    /// The memory that is free when the model is planned; any on another device than the CPU.
    case available
    /// A number of bytes.
    case bytes(Int)
    case unlimited
  }

  /// The arithmetic of the networks; `.auto` is what suits the model and the machine.
  public var precision: Precision
  /// The device that the networks run on.
  public var device: Device
  public var memory: MemoryLimit
  /// The largest number of tiles that go through the transformer together.
  public var batch = SuperResolver.Options().batch
  /// The side of the decoder's windows in output pixels; nil: by the size of the decoder.
  public var window: Int?
  /// The setting of a model's dial, 0...1, as in `ModelFolder.load`.
  public var strength = 1.0

  public init(
    _ precision: Precision = .auto, on device: Device = .cpu, memory: MemoryLimit = .available
  ) {
    self.precision = precision
    self.device = device
    self.memory = memory
  }

  /// Decides how a model computes and how much of it is kept in memory, and loads nothing yet.
  ///
  /// - Throws: `CheckpointError` where the weights are missing or the model has no dial for the
  ///   strength, `TorchError` where the device cannot compute that way, `SuperResolutionError`
  ///   where the model does not fit into memory.
  public func plan(_ folder: ModelFolder) throws -> Plan {
    let policy = try policy(folder)
    return try plan(folder, policy, within: limit(policy))
  }

  /// How a model computes; see `ModelFolder.policy`.
  public func policy(_ folder: ModelFolder) throws -> ComputePolicy {
    try folder.policy(precision, on: device)
  }

  /// Loads a model.
  ///
  /// - Throws: as `plan(_:)` and `ModelFolder.load` do; `SuperResolutionError` for a model that
  ///   cannot restore.
  public func resolver(_ folder: ModelFolder) throws -> SuperResolver {
    try plan(folder).resolver()
  }

  /// A number of bytes, and what sets it; nil: the caller.
  package struct Limit: Sendable {
    package var bytes: Int
    let source: AvailableMemory.Limit?
  }

  /// The memory that the process may take; nil: any.
  ///
  /// - Parameter includingOwn: whether the memory that the process has already counts as free, as
  ///   it does where other models make room.
  package func limit(_ policy: ComputePolicy, includingOwn: Bool = false) -> Limit? {
    switch memory {
    case .unlimited: return nil
    case .bytes(let bytes): return Limit(bytes: bytes, source: nil)
    case .available:
      // On another device the memory is that device's.
      guard policy.device == .cpu else { return nil }
      let available = AvailableMemory()
      return available.tightest.map {
        Limit(bytes: $0.bytes + (includingOwn ? available.own : 0), source: $0.limit)
      }
    }
  }

  package func plan(
    _ folder: ModelFolder, _ policy: ComputePolicy, within limit: Limit?
  ) throws -> Plan {
    try folder.check(strength: strength)
    let estimate = try MemoryEstimate(folder.configuration, policy, window: window)
    return try Plan(folder, policy, strength, estimate, within: limit, batch: batch)
  }

  /// How a model computes, and how much of it is kept in memory.
  public struct Plan: Sendable {
    public let folder: ModelFolder
    public let policy: ComputePolicy
    public let memory: MemoryPlan
    package let estimate: MemoryEstimate
    private let strength: Double
    private let batch: Int

    fileprivate init(
      _ folder: ModelFolder, _ policy: ComputePolicy, _ strength: Double,
      _ estimate: MemoryEstimate, within limit: Limit?, batch: Int
    ) throws {
      self.folder = folder
      self.policy = policy
      self.strength = strength
      self.estimate = estimate
      self.batch = batch
      memory = try MemoryPlan(
        estimate, policy, limit: limit?.bytes, setBy: limit?.source, batch: batch)
    }

    /// The plan for the same model with another limit.
    /// - Throws: `SuperResolutionError` where the model does not fit.
    package func limited(to limit: Limit?) throws -> Plan {
      try Plan(folder, policy, strength, estimate, within: limit, batch: batch)
    }

    /// Loads the networks.
    /// - Throws: as `ModelFolder.load` does.
    public func model() throws -> Model {
      try folder.load(policy, keeping: memory.blockBytes, strength: strength)
    }

    /// Loads the networks to restore with.
    /// - Throws: as `ModelFolder.load` does; `SuperResolutionError` for a model that cannot
    ///   restore.
    public func resolver() throws -> SuperResolver {
      try SuperResolver(model(), batch: memory.batch)
    }
  }
}
