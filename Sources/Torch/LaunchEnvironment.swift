/// A process's place among those that train together, in the environment variables that torchrun,
/// and the usual scripts for Slurm and Kubernetes, set: `RANK`, `WORLD_SIZE`, `LOCAL_RANK`,
/// `MASTER_ADDR`, `MASTER_PORT`; of torchrun also `TORCHELASTIC_USE_AGENT_STORE` and
/// `TORCHELASTIC_RESTART_COUNT`.
public struct LaunchEnvironment: Sendable, Equatable {
  /// The number of this process, from 0, and the number of all processes.
  public var rank, worldSize: Int
  /// The number of this process among those of its machine, from 0: which GPU it takes.
  public var localRank: Int
  /// The machine and port of the store where processes find each other.
  public var masterAddress: String
  public var masterPort: Int
  /// Whether torchrun's agent hosts the store; otherwise rank 0 does.
  public var usesAgentStore: Bool
  /// The number of times that torchrun has restarted its processes.
  public var restartCount: Int

  /// Why the variables describe no place.
  public struct Problem: Error, CustomStringConvertible, Equatable {
    public let description: String
  }

  public init(
    rank: Int, worldSize: Int, localRank: Int = 0, masterAddress: String, masterPort: Int,
    usesAgentStore: Bool = false, restartCount: Int = 0
  ) {
    self.rank = rank
    self.worldSize = worldSize
    self.localRank = localRank
    self.masterAddress = masterAddress
    self.masterPort = masterPort
    self.usesAgentStore = usesAgentStore
    self.restartCount = restartCount
  }

  /// The place that `variables` describe; nil without `WORLD_SIZE`, for a process on its own.
  /// - Throws: `Problem` where a variable is missing or its value makes no sense.
  public init?(_ variables: [String: String]) throws {
    guard let worldSize = try Self.number("WORLD_SIZE", in: variables, 1...1_000_000) else {
      if variables["RANK"] != nil, variables["MASTER_ADDR"] != nil {
        throw Problem(description: "RANK and MASTER_ADDR are set, but not WORLD_SIZE: set it too")
      }
      return nil
    }
    func needed<Value>(_ name: String, _ value: Value?) throws -> Value {
      if let value { return value }
      throw Problem(
        description: "WORLD_SIZE is \(worldSize), but \(name) is not set: start with torchrun, or "
          + "set RANK, MASTER_ADDR and MASTER_PORT too, or unset WORLD_SIZE to run alone")
    }
    self.worldSize = worldSize
    rank = try needed("RANK", Self.number("RANK", in: variables, 0...(worldSize - 1)))
    let local = try Self.number("LOCAL_WORLD_SIZE", in: variables, 1...worldSize) ?? worldSize
    localRank = try Self.number("LOCAL_RANK", in: variables, 0...(local - 1)) ?? 0
    let address = variables["MASTER_ADDR"].flatMap { $0.isEmpty ? nil : $0 }
    masterAddress = try needed("MASTER_ADDR", address)
    masterPort = try needed(
      "MASTER_PORT", Self.number("MASTER_PORT", in: variables, 1...65535))
    usesAgentStore = variables["TORCHELASTIC_USE_AGENT_STORE"]?.lowercased() == "true"
    restartCount =
      try Self.number("TORCHELASTIC_RESTART_COUNT", in: variables, 0...1_000_000_000) ?? 0
  }

  /// The variable's value; nil where it is not set or empty.
  private static func number(
    _ name: String, in variables: [String: String], _ range: ClosedRange<Int>
  ) throws -> Int? {
    guard let text = variables[name], !text.isEmpty else { return nil }
    guard let value = Int(text), range.contains(value) else {
      throw Problem(
        description: "\(name) is '\(text)'; expected a whole number from \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
    return value
  }
}
