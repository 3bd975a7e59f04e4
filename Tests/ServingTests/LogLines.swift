import Foundation
import Logging
import Synchronization

@testable import Serving

/// A log that a test can read.
final class LogLines: Sendable {
  private let written = Mutex<[String]>([])

  var all: [String] { written.withLock { $0 } }

  func logger(_ format: LineLog.Format = .json, level: Logger.Level = .info) -> Logger {
    var logger = Logger(label: "nsarm") { label in
      LineLog(label: label, format: format) { line in self.written.withLock { $0.append(line) } }
    }
    logger.logLevel = level
    return logger
  }

  /// The events with a message in a JSON log.
  func events(_ message: String) throws -> [[String: Any]] {
    try all.compactMap {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }.filter { $0["message"] as? String == message }
  }
}
