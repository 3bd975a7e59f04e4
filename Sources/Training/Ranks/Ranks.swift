import Foundation
import Synchronization
import Torch

/// The processes of a run, each of which computes its share of every batch; or one process alone,
/// for which everything here gives back what it gets.
///
/// All methods that exchange something have to be called by all ranks in the same order.
final class Ranks: Sendable {
  let group: ProcessGroup?
  private let device: Device
  private let waited = Mutex(0.0)

  /// - Parameter device: the device of the group's tensors.
  init(_ group: ProcessGroup?, on device: Device) {
    self.group = group
    self.device = device
  }

  var rank: Int { group?.rank ?? 0 }
  var size: Int { group?.size ?? 1 }
  /// Whether this rank writes the run's folder.
  var isFirst: Bool { rank == 0 }
  /// The bytes that this rank has sent so far.
  var bytesSent: Int { group?.bytesSent ?? 0 }
  /// The seconds for which this rank has waited so far in the exchanges of this class.
  var secondsWaited: Double { waited.withLock { $0 } }

  /// The sums of the ranks' values, the same bits on every rank.
  /// - Parameter values: as many on every rank.
  /// - Throws: `ProcessGroupError` where another rank is gone.
  func sums(_ values: [Double]) throws -> [Double] {
    guard let group else { return values }
    return try exchanged(Tensor(values)) { try group.sum([$0]) }.values()
  }

  /// The sums of the ranks' values by name; every rank has the same names.
  func sums(_ values: [String: Double]) throws -> [String: Double] {
    guard group != nil else { return values }
    let names = values.keys.sorted()
    return Dictionary(uniqueKeysWithValues: zip(names, try sums(names.map { values[$0]! })))
  }

  /// The means of the ranks' losses and of their figures by name. A loss that is not finite on one
  /// rank is finite on none.
  func means(
    _ loss: Double, _ figures: [String: Double]
  ) throws -> (loss: Double, figures: [String: Double]) {
    guard group != nil else { return (loss, figures) }
    let names = figures.keys.sorted()
    let means = try sums([loss] + names.map { figures[$0]! }).map { $0 / Double(size) }
    return (means[0], Dictionary(uniqueKeysWithValues: zip(names, means.dropFirst())))
  }

  /// The value of the first rank.
  func ofFirst(_ value: Double) throws -> Double {
    guard let group else { return value }
    return try exchanged(Tensor([value])) { try group.broadcast([$0], from: 0) }.item
  }

  /// The keys of the first rank.
  func ofFirst(_ keys: [UInt64]) throws -> [UInt64] {
    guard let group else { return keys }
    let bits = Tensor(keys.map { Int64(bitPattern: $0) })
    return try exchanged(bits) { try group.broadcast([$0], from: 0) }.values(Int64.self)
      .map { UInt64(bitPattern: $0) }
  }

  /// The values of every rank, as many from each, by rank.
  func all(_ values: [Double]) throws -> [[Double]] {
    let count = values.count
    var row = [Double](repeating: 0, count: size * count)
    row.replaceSubrange(rank * count..<(rank + 1) * count, with: values)
    let sums = try sums(row)
    return (0..<size).map { Array(sums[$0 * count..<($0 + 1) * count]) }
  }

  /// The key of every rank, by rank.
  func all(_ key: UInt64) throws -> [UInt64] {
    // 32 bits at a time, which a Double holds exactly.
    try all([Double(key >> 32), Double(key & 0xffff_ffff)]).map {
      UInt64($0[0]) << 32 | UInt64($0[1])
    }
  }

  /// Gives all ranks the first rank's elements of tensors, in place.
  func share(_ tensors: [Tensor]) throws {
    guard let group else { return }
    for tensor in tensors { try group.broadcast([tensor], from: 0) }
  }

  /// Runs `exchange` on a copy of a tensor on the group's device, and counts its seconds.
  private func exchanged(
    _ tensor: Tensor, _ exchange: (Tensor) throws -> Void
  ) throws -> Tensor {
    let start = DispatchTime.now().uptimeNanoseconds
    let copy = tensor.to(device)
    try exchange(copy)
    let host = copy.to(.cpu)
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    waited.withLock { $0 += seconds }
    return host
  }

  /// Runs each rank's `work`, and returns when all ranks have done theirs, however long it takes: a
  /// rank that waits for one that writes a large checkpoint must not take it for dead.
  /// - Throws: the error of this rank's work; `ProcessGroupError` where another rank is gone.
  func together<Result>(_ work: () throws -> Result) throws -> Result {
    guard group != nil else { return try work() }
    let touch = Touch(self)
    let result: Result
    do {
      result = try work()
    } catch {
      touch.abandon()
      throw error
    }
    try touch.end()
    return result
  }
}

/// Exchanges a sign of life with the other ranks from a thread of its own until all have done their
/// work.
private final class Touch: Sendable {
  private struct State {
    var isDone = false
    var isAbandoned = false
    var outcome: Result<Void, any Error>?
  }

  private let state = Monitor(State())

  init(_ ranks: Ranks) {
    let thread = Thread { [state] in
      let outcome = Result { try throwingResourceErrors { try Self.run(ranks, state) } }
      state.withLock { $0.outcome = outcome }
    }
    thread.name = "ranks"
    thread.start()
  }

  private static func run(_ ranks: Ranks, _ state: Monitor<State>) throws {
    var pause = 0.005
    while true {
      _ = state.wait(for: pause, until: { $0.isDone || $0.isAbandoned }) { _ in }
      let now = state.withLock { $0 }
      if now.isAbandoned { return }
      guard Int(try ranks.sums([now.isDone ? 1 : 0])[0]) < ranks.size else { return }
      // Well below the shortest timeout, within which the others have to hear of this rank.
      pause = min(2 * pause, 0.25)
    }
  }

  /// Ends the exchange with the next sign: the others will find this rank gone.
  func abandon() { state.withLock { $0.isAbandoned = true } }

  /// Waits for the others.
  func end() throws {
    state.withLock { $0.isDone = true }
    try state.wait(until: { $0.outcome != nil }) { $0.outcome! }.get()
  }
}
