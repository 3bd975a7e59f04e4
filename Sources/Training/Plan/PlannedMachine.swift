/// The machine that a run is planned for: ranks that are all alike.
public struct PlannedMachine: Equatable, Sendable {
  public var ranks: Int
  /// The memory of a rank in bytes: a GPU's where it has one, else its part of the machine's.
  public var memory: Double
  /// Whether a rank computes on a GPU; pictures are then prepared in the machine's memory, which is
  /// not planned.
  public var isGPU: Bool
  /// The floating-point operations per second that a rank reaches while it trains.
  public var operationsPerSecond: Double
  /// The bytes per second that a rank sends to the others.
  public var bandwidth: Double

  public init(
    ranks: Int, memory: Double, isGPU: Bool, operationsPerSecond: Double, bandwidth: Double
  ) {
    precondition(ranks > 0 && operationsPerSecond > 0 && bandwidth > 0, "no machine")
    self.ranks = ranks
    self.memory = memory
    self.isGPU = isGPU
    self.operationsPerSecond = operationsPerSecond
    self.bandwidth = bandwidth
  }

  /// The memory of the program itself, libtorch and its libraries; on a GPU the context of the
  /// device and the buffers of the communication.
  var programBytes: Double { isGPU ? 1.5e9 : 0.26e9 }
}
