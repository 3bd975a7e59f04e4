import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import Terminal

/// Runs services until Ctrl-C or SIGTERM, which end them in good order.
///
/// - Parameter services: makes them.
/// - Throws: what ended them before.
func runServices(
  _ services: @escaping @Sendable () async throws -> ([any Service], Logger)
) throws {
  final class Result: @unchecked Sendable { var error: (any Error)? }
  let (result, done) = (Result(), DispatchSemaphore(value: 0))
  Task {
    do {
      let (services, logger) = try await services()
      var configuration = ServiceGroupConfiguration(
        services: services, gracefulShutdownSignals: [.sigint, .sigterm], logger: logger)
      // Who is still sending or receiving then is cut off.
      configuration.maximumGracefulShutdownDuration = .seconds(20)
      try await ServiceGroup(configuration: configuration).run()
    } catch {
      result.error = error
    }
    done.signal()
  }
  done.wait()
  if let error = result.error { throw error }
}
