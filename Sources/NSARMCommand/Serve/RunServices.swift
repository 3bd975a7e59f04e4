import ArgumentParser
import Files
import Foundation
import Logging
import ServiceLifecycle
import Serving
import Synchronization
import Terminal

/// The services of a process, and what ends them.
struct RunningServices {
  var services: [any Service]
  var shutdown: Shutdown
  var logger: Logger
}

/// Runs services until Ctrl-C or SIGTERM, which end them in good order within two seconds: what
/// takes longer is cut off. A second signal ends the process at once.
///
/// - Parameter services: makes them.
/// - Throws: the error that ended them; `ExitCode` after Ctrl-C.
func runServices(_ services: @escaping @Sendable () async throws -> RunningServices) throws {
  let run = ServiceRun()
  let signals = run.listen()
  Task { await run.run(services) }
  let end = run.outcome.wait()
  withExtendedLifetime(signals) {}
  switch end {
  case .failed(let error): throw error
  // The status of a program that Ctrl-C has ended; SIGTERM is what service managers end with.
  case .signal(SIGINT): throw ExitCode(128 + SIGINT)
  case .signal, .finished: return
  }
}

/// A run of services, which a signal may end.
private final class ServiceRun: Sendable {
  enum End: Sendable {
    case finished
    case signal(Int32)
    case failed(any Error)
  }

  private struct State {
    var signal: Int32?
    var shutdown: Shutdown?
    var group: ServiceGroup?
  }

  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "nsarm.signals")
  let outcome = Outcome<End>()

  /// The seconds until the process ends in any case.
  private static let patience = 1.5

  func run(_ make: @Sendable () async throws -> RunningServices) async {
    do {
      let services = try await make()
      let group = ServiceGroup(
        configuration: ServiceGroupConfiguration(
          services: services.services, logger: services.logger))
      let isEnding = state.withLock {
        ($0.group, $0.shutdown) = (group, services.shutdown)
        return $0.signal != nil
      }
      if !isEnding { try await group.run() }
      finish(.finished)
    } catch {
      finish(.failed(error))
    }
  }

  /// After a signal the way in which services end is no failure.
  private func finish(_ end: End) {
    outcome.finish(state.withLock { $0.signal }.map { .signal($0) } ?? end)
  }

  /// Signals come to a thread of their own: those that all tasks share may be busy.
  func listen() -> [any DispatchSourceSignal] {
    [SIGINT, SIGTERM].map { number in
      // The source hears of it all the same.
      Foundation.signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { [self] in receive(number) }
      source.resume()
      return source
    }
  }

  private func receive(_ number: Int32) {
    let (isFirst, shutdown, group) = state.withLock { state in
      defer { state.signal = state.signal ?? number }
      return (state.signal == nil, state.shutdown, state.group)
    }
    guard isFirst else { _exit(128 + number) }
    shutdown?.begin()
    if let group { Task { await group.triggerGracefulShutdown() } }
    queue.asyncAfter(deadline: .now() + (group == nil ? 0 : Self.patience)) { [self] in
      TemporaryFolder.removeAll()
      finish(.signal(number))
    }
  }
}
