import Foundation
import Synchronization

/// The sign of life of a worker: a file with a number that grows while the process lives.
final class ShareHeartbeat: Sendable {
  private let path: String
  private let interval: Double
  private let isOver = Mutex(false)
  private let ended = DispatchSemaphore(value: 0)

  /// Begins with the first sign of life.
  /// - Parameter interval: the seconds between two.
  /// - Throws: `FileError`.
  init(_ folder: String, _ worker: ShareWorker, interval: Double) throws {
    path = Self.path(folder, worker)
    self.interval = interval
    guard Self.beat(path, 0) else { throw FileError.system(path) }
    let thread = Thread { [self] in
      var number = 0
      while !wait() {
        number += 1
        // A folder that cannot be reached is told of where the work is claimed.
        _ = Self.beat(path, number)
      }
      ended.signal()
    }
    thread.name = "nsarm.heartbeat"
    thread.start()
  }

  /// Ends it, and removes the file.
  func end() {
    guard
      isOver.withLock({ isOver in
        defer { isOver = true }
        return !isOver
      })
    else { return }
    ended.wait()
    unlink(path)
  }

  /// Waits until the next sign of life is due.
  /// - Returns: whether it is over.
  private func wait() -> Bool {
    let end = SuspendingClock.now + .seconds(interval)
    while SuspendingClock.now < end {
      if isOver.withLock({ $0 }) { return true }
      Thread.sleep(forTimeInterval: min(0.05, interval))
    }
    return isOver.withLock { $0 }
  }

  /// The number of a worker's last sign of life; nil: there is none.
  /// - Throws: `FileError` where the folder cannot be reached.
  static func last(_ folder: String, _ worker: ShareWorker) throws -> Int? {
    let path = path(folder, worker)
    // A file that is opened anew is read as the server has it.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw FileError.unreadable(path)
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = read(descriptor, &bytes, bytes.count)
    guard count >= 0 else { throw FileError.unreadable(path) }
    return Int(String(decoding: bytes[..<count], as: UTF8.self))
  }

  private static func path(_ folder: String, _ worker: ShareWorker) -> String {
    "\(folder)/\(worker.id).beat"
  }

  private static func beat(_ path: String, _ number: Int) -> Bool {
    // Closed each time, since that is when a file goes to its server.
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { return false }
    let digits = Array(
      (String(repeating: "0", count: 19 - "\(number)".count) + "\(number)").utf8)
    let count = pwrite(descriptor, digits, digits.count, 0)
    return close(descriptor) == 0 && count == digits.count
  }
}
