import Foundation

/// Prepares the batches of consecutive steps ahead of time in threads of its own. What a batch holds does
/// not depend on the number of threads.
public final class BatchLoader: @unchecked Sendable {
  private let produce: @Sendable (Int) throws -> Sample
  private let size: Int
  private let ahead: Int
  private let condition = NSCondition()
  private var ready: [Int: Result<Sample, any Error>] = [:]
  private var nextToProduce: Int
  private var nextToDeliver: Int
  private var isStopped = false

  /// - Parameters:
  ///   - size: samples per batch; batch number b holds the samples b · size ..< (b + 1) · size.
  ///   - first: the number of the first batch that `next` gives.
  ///   - ahead: batches that may be prepared before they are asked for.
  public convenience init(
    _ source: any SampleSource, size: Int, first: Int, threads: Int, ahead: Int
  ) {
    self.init(size: size, first: first, threads: threads, ahead: ahead) { try source.sample($0) }
  }

  init(
    size: Int, first: Int, threads: Int, ahead: Int,
    produce: @escaping @Sendable (Int) throws -> Sample
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

  /// The next batch, and the seconds that the caller had to wait for it.
  /// - Throws: what kept a sample from being made.
  public func next() throws -> (batch: Batch, wait: Double) {
    let start = DispatchTime.now().uptimeNanoseconds
    condition.lock()
    let range = nextToDeliver..<nextToDeliver + size
    while !range.allSatisfy({ ready[$0] != nil }) { condition.wait() }
    let results = range.map { ready.removeValue(forKey: $0)! }
    nextToDeliver += size
    condition.broadcast()
    condition.unlock()
    let wait = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    return (Batch(try results.map { try $0.get() }), wait)
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
      let result = autoreleased { Result { try produce(index) } }
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
