import ArgumentParser
import Logging
import Serving

/// What `nsarm serve` and `nsarm work` write to standard error while they run, and how.
struct LogOptions: ParsableArguments {
  @Option(help: "Lines for people, or a JSON object a line: text or json.")
  var logFormat = LineLog.Format.text

  @Option(
    help: "Log this and what is graver: trace, debug, info, notice, warning, error, critical.")
  var logLevel = Logger.Level.notice

  init() {}

  var logger: Logger {
    var logger = Logger(label: "nsarm") { [logFormat] in LineLog(label: $0, format: logFormat) }
    logger.logLevel = logLevel
    return logger
  }

  /// Tells the person at the terminal, or the program that reads the log.
  func tell(_ text: String) {
    if logFormat == .json { logger.notice("\(text)") } else { note(text) }
  }
}

extension LineLog.Format: ExpressibleByArgument {}
extension Logger.Level: @retroactive ExpressibleByArgument {}
