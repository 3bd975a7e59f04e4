import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTPTypes
import Synchronization

/// The context of a request: its client, and headers to add to the response.
struct ClientContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  var caller: Caller
  let notes = Notes()
  private let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
    caller = Caller(
      address: channel.remoteAddress?.ipAddress.flatMap { IPAddress($0) }, authority: "")
  }

  /// Sends "100 Continue" if the client waits for it (RFC 9110, section 10.1.1). Called after the
  /// checks that need the header only.
  func sendContinue(_ request: Request) {
    guard request.headers[.expect]?.lowercased() == "100-continue" else { return }
    channel.writeAndFlush(HTTPResponsePart.head(HTTPResponse(status: .continue)), promise: nil)
  }

  /// Facts found while the request is handled that belong to the response whatever it is.
  final class Notes: Sendable {
    private let state = Mutex((headers: HTTPFields(), isAbandoned: false))

    var headers: HTTPFields { state.withLock { $0.headers } }
    /// Whether the client disconnected before it had sent the whole request.
    var isAbandoned: Bool { state.withLock { $0.isAbandoned } }

    func add(_ name: HTTPField.Name, _ value: String) {
      state.withLock { $0.headers[name] = value }
    }

    func abandon() { state.withLock { $0.isAbandoned = true } }
  }
}
