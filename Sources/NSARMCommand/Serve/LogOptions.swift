import ArgumentParser
import Logging
import Serving
import Terminal

/// The log of `nsarm serve` and `nsarm work` on standard error.
struct LogOptions: ParsableArguments {
  @Option(help: "Form of the log: text, or json for an object per line.")
  var logFormat = LineLog.Format.text

  @Option(
    help: "Lowest level that is logged: trace, debug, info, notice, warning, error, critical.")
  var logLevel = Logger.Level.notice

  init() {}

  var logger: Logger {
    var logger = Logger(label: "nsarm") { [logFormat] in
      LineLog(label: $0, format: logFormat) { StandardError.write($0) }
    }
    logger.logLevel = logLevel
    return logger
  }

  /// Tells the person at the terminal, or the program that reads the log.
  func tell(_ text: String) {
    if logFormat == .json { logger.notice("\(text)") } else { note(text) }
  }
}
