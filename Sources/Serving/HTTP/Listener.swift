import Foundation
import NIOCore
import ServiceLifecycle

/// The HTTP server, whose address may not be to be had.
struct Listener: Service {
  let server: any Service
  let door: RestorationService.Door
  let shutdown: Shutdown

  /// - Throws: `ListeningError`.
  func run() async throws {
    do {
      // Streams of events have to end before the server, which waits for them.
      try await withGracefulShutdownHandler {
        try await server.run()
      } onGracefulShutdown: { [shutdown] in
        shutdown.begin()
      }
    } catch let error as IOError {
      throw ListeningError(door, code: error.errnoCode)
    } catch  where error is SocketAddressError || error is SocketAddressError.UnknownHost {
      throw ListeningError(door, code: EADDRNOTAVAIL)
    }
  }
}

/// Why a service cannot be listened to, in one line with the remedy.
struct ListeningError: LocalizedError, CustomStringConvertible {
  let description: String
  var errorDescription: String? { description }

  init(_ door: RestorationService.Door, code: Int32) {
    let reason =
      switch code {
      case EADDRINUSE: "another program listens there; choose another port with --port"
      case EADDRNOTAVAIL: "no address of this machine; --host 0.0.0.0 stands for all that it has"
      case EACCES: "ports below 1024 are the system administrator's; choose another one with --port"
      default: String(cString: strerror(code))
      }
    description = "\(door.host):\(door.port): \(reason)"
  }
}
