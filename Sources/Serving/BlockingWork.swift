import NIOPosix

/// Threads for work that waits for a disk or computes for a while. Swift's cooperative pool has
/// only as many threads as there are processors, and every request needs them.
enum BlockingWork {
  private static let threads = {
    let pool = NIOThreadPool(numberOfThreads: 8)
    pool.start()
    return pool
  }()

  static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws
    -> Value
  {
    try await threads.runIfActive(body)
  }
}
