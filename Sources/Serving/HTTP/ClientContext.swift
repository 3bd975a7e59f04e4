import Hummingbird
import NIOCore

/// What is known of a request besides itself: who has sent it.
struct ClientContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// The peer's address without its port; nil where it is not known.
  let address: String?

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    address = source.channel.remoteAddress?.ipAddress
  }
}
