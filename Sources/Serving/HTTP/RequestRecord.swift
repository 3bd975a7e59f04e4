import Foundation
import Hummingbird
import Logging
import Metrics
import Synchronization

/// The metrics and the log entry of a request, from its header to the end of the response.
final class RequestRecord: Sendable {
  private struct State {
    var status = RequestRecord.abandoned
    var route: String?
    var bytes = 0
    var isFinished = false
  }

  /// The status of a request whose client disconnected before the response, as in nginx.
  static let abandoned = 499

  private let method, path: String
  private let log: Logger
  private let start = ContinuousClock.now
  private let state = Mutex(State())

  init(_ request: Request, _ context: ClientContext, id: String, log: Logger) {
    method = request.method.rawValue
    path = request.uri.path
    var log = log
    log[metadataKey: "request"] = "\(id)"
    log[metadataKey: "address"] = "\(context.caller.address?.description ?? "?")"
    self.log = log
    active.increment()
  }

  /// Covers responses that are never sent.
  deinit { finish() }

  /// Notes the response, whose body may still have to be sent.
  /// - Parameter route: the pattern of the path; nil: none matched.
  func answered(_ status: Int, route: String?) {
    state.withLock { ($0.status, $0.route) = (status, route) }
  }

  func sent(_ bytes: Int) { state.withLock { $0.bytes += bytes } }

  func finish() {
    let last = state.withLock { state -> State? in
      guard !state.isFinished else { return nil }
      state.isFinished = true
      return state
    }
    guard let last else { return }
    active.decrement()
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    Metrics.Timer(
      label: "http_server_request_duration",
      dimensions: [
        ("method", Self.known.contains(method) ? method : "other"),
        ("route", last.route ?? "none"), ("status", "\(last.status)"),
      ]
    ).recordSeconds(seconds)
    log.info(
      "request",
      metadata: [
        "method": "\(method)", "path": "\(path)", "status": .stringConvertible(last.status),
        "bytes": .stringConvertible(last.bytes),
        "seconds": .stringConvertible((seconds * 1e4).rounded() / 1e4),
      ])
  }

  private var active: Meter {
    Meter(
      label: "http_server_active_requests",
      dimensions: [("method", Self.known.contains(method) ? method : "other")])
  }

  /// Bounds the number of label values, since a client can send any method.
  private static let known: Set = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
}
