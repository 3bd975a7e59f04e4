import Foundation
import Testing

/// Runs the tests of a suite on threads of their own. Tests that wait for programs or compute for a
/// long time would otherwise occupy the few threads that all tasks share, and tests of the service,
/// whose work consists of many short tasks, would have to wait for them.
public struct OwnThreads: SuiteTrait, TestTrait, TestScoping {
  public var isRecursive: Bool { true }

  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    guard testCase != nil else { return try await function() }
    try await withTaskExecutorPreference(ThreadExecutor.shared) { try await function() }
  }
}

extension Trait where Self == OwnThreads {
  /// Runs on separate threads.
  public static var ownThreads: OwnThreads { OwnThreads() }
}

/// As many threads as there are processors.
private final class ThreadExecutor: TaskExecutor {
  static let shared = ThreadExecutor()

  private let queue = OperationQueue()

  private init() {
    queue.name = "tests"
    queue.maxConcurrentOperationCount = ProcessInfo.processInfo.activeProcessorCount
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.addOperation { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
