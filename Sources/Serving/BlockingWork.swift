import NIOPosix

/// Threads for what waits for a disk or computes for a while: those of Swift's tasks are as many as
/// the processors, and all requests need them.
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
