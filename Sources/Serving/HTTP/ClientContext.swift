import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTPTypes
import Synchronization

/// What is known of a request besides itself: who has sent it, and what its answer is to say.
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

  /// Asks a client that waits for it to send the body (RFC 9110, 10.1.1). What is refused by its
  /// head alone has been refused before.
  func invite(_ request: Request) {
    guard request.headers[.expect]?.lowercased() == "100-continue" else { return }
    channel.writeAndFlush(HTTPResponsePart.head(HTTPResponse(status: .continue)), promise: nil)
  }

  /// What is found out on the way and belongs to the answer, whatever it will be.
  final class Notes: Sendable {
    private let state = Mutex((headers: HTTPFields(), isAbandoned: false))

    var headers: HTTPFields { state.withLock { $0.headers } }
    /// Whether the client has gone before it had sent everything.
    var isAbandoned: Bool { state.withLock { $0.isAbandoned } }

    func add(_ name: HTTPField.Name, _ value: String) {
      state.withLock { $0.headers[name] = value }
    }

    func abandon() { state.withLock { $0.isAbandoned = true } }
  }
}
