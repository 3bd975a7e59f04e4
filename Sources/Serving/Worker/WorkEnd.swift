import Terminal

/// Why the work on a job ends early.
enum WorkEnd: Error { case shutdown, tooLong, lost }

/// What went wrong while a picture was restored, and where the picture was.
struct WorkFailure: Error {
  let error: any Error
  let input: String
}

extension JobStore.Outcome {
  var isSuccess: Bool { if case .succeeded = self { true } else { false } }

  var label: String {
    switch self {
    case .succeeded: "succeeded"
    case .failed: "failed"
    case .cancelled: "cancelled"
    case .givenBack: "given_back"
    }
  }
}

/// The time that is left, asked on the thread that restores alone.
final class RemainingWork: @unchecked Sendable {
  private var time = RemainingTime()

  func seconds(_ share: Double) -> Double? { time.update(share) }
}
