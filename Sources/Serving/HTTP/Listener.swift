import Foundation
import NIOCore
import ServiceLifecycle

/// The HTTP server, with errors of its own if its address is unavailable.
struct Listener: Service {
  let server: any Service
  let listen: RestorationService.ListenOptions
  let shutdown: Shutdown

  /// - Throws: `ListeningError`.
  func run() async throws {
    do {
      // Event streams have to end first, since the server waits for them.
      try await withGracefulShutdownHandler {
        try await server.run()
      } onGracefulShutdown: { [shutdown] in
        shutdown.begin()
      }
    } catch let error as IOError {
      throw ListeningError(listen, code: error.errnoCode)
    } catch  where error is SocketAddressError || error is SocketAddressError.UnknownHost {
      throw ListeningError(listen, code: EADDRNOTAVAIL)
    }
  }
}

/// The reason why a service cannot listen at its address, in one line.
public struct ListeningError: LocalizedError, CustomStringConvertible {
  public enum Reason: Equatable, Sendable {
    /// Another program listens there.
    case inUse
    /// The machine has no such address.
    case noSuchAddress
    /// The port is below 1024, and the user is not the system administrator.
    case notPermitted
    /// The system's words.
    case other(String)
  }

  public let host: String
  public let port: Int
  public let reason: Reason

  init(_ listen: RestorationService.ListenOptions, code: Int32) {
    (host, port) = (listen.host, listen.port)
    reason =
      switch code {
      case EADDRINUSE: .inUse
      case EADDRNOTAVAIL: .noSuchAddress
      case EACCES: .notPermitted
      default: .other(String(cString: strerror(code)))
      }
  }

  public var description: String {
    let text =
      switch reason {
      case .inUse: "the port is in use"
      case .noSuchAddress: "not an address of this machine"
      case .notPermitted: "ports below 1024 need administrator rights"
      case .other(let words): words
      }
    return "\(host):\(port): \(text)"
  }

  public var errorDescription: String? { description }
}
