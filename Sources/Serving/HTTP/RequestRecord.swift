import Foundation
import Hummingbird
import Logging
import Metrics
import Synchronization

/// A request from its head to the end of its answer, for the metrics and the log.
final class RequestRecord: Sendable {
  private struct State {
    var status = RequestRecord.abandoned
    var route: String?
    var bytes = 0
    var isFinished = false
  }

  /// The status of requests whose client has gone before there was an answer, as nginx has it.
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

  /// An answer that nobody takes ends, too.
  deinit { finish() }

  /// There is an answer; its body may still have to be sent.
  /// - Parameter route: the pattern of the path; nil: there is none.
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

  /// Anything may stand for a method, and every one of these is kept.
  private static let known: Set = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
}
