import Foundation
import Torch

/// Prepares the batches of consecutive steps ahead of time in threads of its own. What a batch
/// holds does not depend on the number of threads.
///
/// `@unchecked`: what changes is private and used under `condition` alone.
public final class BatchLoader: @unchecked Sendable {
  private let produce: @Sendable (Int) throws -> TrainingPair
  private let size: Int
  private let ahead: Int
  private let condition = NSCondition()
  private var ready: [Int: Result<TrainingPair, any Error>] = [:]
  private var nextToProduce: Int
  private var nextToDeliver: Int
  private var isStopped = false

  /// - Parameters:
  ///   - size: samples per batch; batch number b holds the samples b · size ..< (b + 1) · size.
  ///   - first: the number of the first batch that `next` gives.
  ///   - ahead: batches that may be prepared before they are asked for.
  public convenience init(
    _ source: any TrainingSource, size: Int, first: Int, threads: Int, ahead: Int
  ) {
    self.init(size: size, first: first, threads: threads, ahead: ahead) { try source.pair($0) }
  }

  init(
    size: Int, first: Int, threads: Int, ahead: Int,
    produce: @escaping @Sendable (Int) throws -> TrainingPair
  ) {
    self.produce = produce
    self.size = size
    self.ahead = max(ahead, 1)
    nextToProduce = first * size
    nextToDeliver = first * size
    for _ in 0..<max(threads, 1) {
      let thread = Thread { [self] in work() }
      thread.stackSize = 8 << 20
      thread.name = "batch loader"
      thread.start()
    }
  }

  /// Ends the threads once they have finished the sample they are at.
  public func stop() {
    condition.lock()
    isStopped = true
    condition.broadcast()
    condition.unlock()
  }

  /// Seconds between two questions whether to stop.
  private static let patience = 0.2

  /// The next batch, and the seconds that the caller had to wait for it.
  /// - Throws: what kept a sample from being made.
  public func next() throws -> (batch: TrainingBatch, wait: Double) {
    try next { false }!
  }

  /// The next batch; nil where `shouldStop`, which is asked while it is not ready yet.
  public func next(unless shouldStop: () -> Bool) throws -> (batch: TrainingBatch, wait: Double)? {
    let start = DispatchTime.now().uptimeNanoseconds
    condition.lock()
    let range = nextToDeliver..<nextToDeliver + size
    while !range.allSatisfy({ ready[$0] != nil }) {
      guard condition.wait(until: Date(timeIntervalSinceNow: Self.patience)) || !shouldStop() else {
        condition.unlock()
        return nil
      }
    }
    let results = range.map { ready.removeValue(forKey: $0)! }
    nextToDeliver += size
    condition.broadcast()
    condition.unlock()
    let wait = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    return (TrainingBatch(try results.map { try $0.get() }), wait)
  }

  private func work() {
    while true {
      condition.lock()
      while !isStopped, nextToProduce >= nextToDeliver + (ahead + 1) * size { condition.wait() }
      guard !isStopped else {
        condition.unlock()
        return
      }
      let index = nextToProduce
      nextToProduce += 1
      condition.unlock()
      let result = autoreleased {
        Result { try throwingResourceErrors { try produce(index) } }
      }
      condition.lock()
      ready[index] = result
      condition.broadcast()
      condition.unlock()
    }
  }
}

/// Runs `body` with a pool for temporary objects where the platform has such pools.
private func autoreleased<Value>(_ body: () -> Value) -> Value {
  #if canImport(ObjectiveC)
    return autoreleasepool(invoking: body)
  #else
    return body()
  #endif
}
