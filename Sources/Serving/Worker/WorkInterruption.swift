/// The reason why the work on a job was interrupted.
enum WorkInterruption: Error { case shutdown, tooLong, lost }

/// An error of a restoration, and the path of its input.
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
    case .requeued: "requeued"
    }
  }
}
