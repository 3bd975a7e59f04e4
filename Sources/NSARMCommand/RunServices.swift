import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import Serving
import Terminal

/// What `runServices` runs.
struct RunningServices {
  var services: [any Service]
  var shutdown: Shutdown
  var logger: Logger
}

/// Runs services until Ctrl-C or SIGTERM, which end them in good order within two seconds: what
/// takes longer is cut off. A second signal ends the process at once.
///
/// - Parameter services: makes them.
/// - Throws: what ended them before; `ExitCode` after Ctrl-C.
func runServices(_ services: @escaping @Sendable () async throws -> RunningServices) throws {
  let run = ServiceRun()
  let signals = run.listen()
  Task { await run.run(services) }
  let end = run.wait()
  withExtendedLifetime(signals) {}
  switch end {
  case .failed(let error): throw error
  // The status of a program that Ctrl-C has ended; SIGTERM is what service managers end with.
  case .signal(SIGINT): throw ExitCode(128 + SIGINT)
  case .signal, .finished: return
  }
}

/// How services end.
private final class ServiceRun: @unchecked Sendable {
  enum End {
    case finished
    case signal(Int32)
    case failed(any Error)
  }

  private let lock = NSLock()
  private let done = DispatchSemaphore(value: 0)
  private let queue = DispatchQueue(label: "nsarm.signals")
  private var signal: Int32?
  private var end: End?
  private var shutdown: Shutdown?
  private var group: ServiceGroup?

  /// Until the process ends in any case: what is still being sent or computed then is just left.
  private static let patience = 1.5

  func run(_ make: @Sendable () async throws -> RunningServices) async {
    do {
      let services = try await make()
      let group = ServiceGroup(
        configuration: ServiceGroupConfiguration(
          services: services.services, logger: services.logger))
      let isEnding = lock.withLock {
        (self.group, shutdown) = (group, services.shutdown)
        return signal != nil
      }
      if !isEnding { try await group.run() }
      finish(.finished)
    } catch {
      finish(.failed(error))
    }
  }

  private func finish(_ end: End) {
    lock.withLock {
      guard self.end == nil else { return }
      // How services end that were asked to is no failure.
      self.end = signal.map { .signal($0) } ?? end
    }
    done.signal()
  }

  func wait() -> End {
    done.wait()
    return lock.withLock { end! }
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
    let (isFirst, shutdown, group) = lock.withLock {
      defer { signal = signal ?? number }
      return (signal == nil, self.shutdown, self.group)
    }
    guard isFirst else { _exit(128 + number) }
    shutdown?.begin()
    if let group { Task { await group.triggerGracefulShutdown() } }
    queue.asyncAfter(deadline: .now() + (group == nil ? 0 : Self.patience)) { [self] in
      finish(.signal(number))
    }
  }
}
