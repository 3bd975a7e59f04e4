import Foundation

/// Names of workers: host, process, and a random part.
enum WorkerName {
  /// The random part of this process's names.
  private static let own = UUID().uuidString

  static func new() -> String {
    "\(ProcessInfo.processInfo.hostName) \(getpid()) \(own) \(UUID().uuidString.prefix(8))"
  }

  /// Whether the worker's process was on this machine and is no more.
  static func isDead(_ name: String) -> Bool {
    let parts = name.split(separator: " ")
    guard parts.count == 4, let process = Int32(parts[1]), parts[2] != own else { return false }
    // In a container every program may have the same number.
    return process == getpid() || (kill(process, 0) != 0 && errno == ESRCH)
  }
}

/// Whether the service is ending.
final class Shutdown: @unchecked Sendable {
  private let lock = NSLock()
  private var began = false

  func begin() { lock.withLock { began = true } }
  var hasBegun: Bool { lock.withLock { began } }
}
