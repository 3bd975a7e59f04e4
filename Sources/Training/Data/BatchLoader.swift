import Foundation
import Torch

/// Prepares the batches of consecutive steps ahead of time in threads of its own. The samples of a
/// batch do not depend on the number of threads.
public final class BatchLoader: Sendable {
  private struct State {
    var ready: [Int: Result<TrainingPair, any Error>] = [:]
    var nextToProduce: Int
    var nextToDeliver: Int
    var isStopped = false
  }

  private let produce: @Sendable (Int) throws -> TrainingPair
  private let size: Int
  private let ahead: Int
  private let state: Monitor<State>

  /// - Parameters:
  ///   - size: the number of samples per batch; batch b holds the samples b · size ..< (b + 1) ·
  ///     size.
  ///   - first: the number of the first batch that `next` returns.
  ///   - ahead: the number of batches prepared in advance.
  ///   - part: the part of every batch that is prepared, of as many as divide `size`: a rank's.
  public convenience init(
    _ source: any TrainingSource, size: Int, first: Int, threads: Int, ahead: Int,
    part: (index: Int, count: Int) = (0, 1)
  ) {
    precondition(size % part.count == 0, "\(size) samples in \(part.count) equal parts")
    let (own, index) = (size / part.count, part.index)
    self.init(size: own, first: first, threads: threads, ahead: ahead) { number in
      try source.pair(number / own * size + index * own + number % own)
    }
  }

  init(
    size: Int, first: Int, threads: Int, ahead: Int,
    produce: @escaping @Sendable (Int) throws -> TrainingPair
  ) {
    self.produce = produce
    self.size = size
    self.ahead = max(ahead, 1)
    state = Monitor(State(nextToProduce: first * size, nextToDeliver: first * size))
    for _ in 0..<max(threads, 1) {
      let thread = Thread { [self] in work() }
      thread.stackSize = 8 << 20
      thread.name = "batch loader"
      thread.start()
    }
  }

  /// Ends the threads after their current samples.
  public func stop() { state.withLock { $0.isStopped = true } }

  /// The seconds between two calls of `shouldStop`.
  private static let pollInterval = 0.2

  /// The next batch, and the seconds that the caller waited for it.
  /// - Throws: the error of a sample that could not be made.
  public func next() throws -> (batch: TrainingBatch, wait: Double) {
    try next { false }!
  }

  /// The next batch; nil where `shouldStop`, called while the batch is not ready, returns true.
  public func next(unless shouldStop: () -> Bool) throws -> (batch: TrainingBatch, wait: Double)? {
    let start = DispatchTime.now().uptimeNanoseconds
    func samples(_ state: State) -> Range<Int> { state.nextToDeliver..<state.nextToDeliver + size }
    func isReady(_ state: State) -> Bool { samples(state).allSatisfy { state.ready[$0] != nil } }
    func take(_ state: inout State) -> [Result<TrainingPair, any Error>] {
      defer { state.nextToDeliver += size }
      return samples(state).map { state.ready.removeValue(forKey: $0)! }
    }
    var results = state.wait(for: Self.pollInterval, until: isReady, take)
    while results == nil {
      if shouldStop() { return nil }
      results = state.wait(for: Self.pollInterval, until: isReady, take)
    }
    let wait = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    return (TrainingBatch(try results!.map { try $0.get() }), wait)
  }

  private func work() {
    while let index = nextIndex() {
      let result = autoreleased {
        Result { try throwingResourceErrors { try produce(index) } }
      }
      state.withLock { $0.ready[index] = result }
    }
  }

  /// The number of the next sample to make, once there is room for it; nil after `stop`.
  private func nextIndex() -> Int? {
    let room = (ahead + 1) * size
    return state.wait(until: { $0.isStopped || $0.nextToProduce < $0.nextToDeliver + room }) {
      state in
      guard !state.isStopped else { return nil }
      defer { state.nextToProduce += 1 }
      return state.nextToProduce
    }
  }
}

/// Runs `body` in an autorelease pool on platforms that have them.
private func autoreleased<Value>(_ body: () -> Value) -> Value {
  #if canImport(ObjectiveC)
    return autoreleasepool(invoking: body)
  #else
    return body()
  #endif
}
