import Foundation
import Testing

/// Runs the tests of a suite on threads of their own: those that wait for programs or compute for
/// long would hold the few threads that all tasks share, and tests of the service, whose work is in
/// many short tasks, would come to their turn when the others are done.
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
  /// On threads of their own.
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
