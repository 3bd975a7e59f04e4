import ArgumentParser
import Foundation

/// Results on standard output. What cannot be written ends the command: a script that reads a part
/// of the results must not take them for all.
enum StandardOutput {
  struct WriteError: Error, CustomStringConvertible {
    let description: String
  }

  /// Prints a line at once.
  /// - Throws: as `write` does.
  static func print(_ line: String) throws {
    try Array("\(line)\n".utf8).withUnsafeBytes(write)
  }

  /// Writes what the system's buffers hold of text that was printed otherwise.
  /// - Throws: as `write` does.
  static func flush() throws {
    errno = 0
    if fflush(nil) != 0 { throw failure(errno) }
  }

  /// Copies a file.
  /// - Throws: as `write` does, and where the file cannot be read.
  static func send(file: String) throws {
    let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: file))
    defer { try? handle.close() }
    while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty {
      try piece.withUnsafeBytes(write)
    }
  }

  /// - Throws: `WriteError`; an exit status without a message where the reader has gone, such as
  ///   `head`.
  private static func write(_ bytes: UnsafeRawBufferPointer) throws {
    try flush()
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Foundation.write(
        STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure(errno) }
      rest = rest.dropFirst(count)
    }
  }

  private static func failure(_ number: Int32) -> any Error {
    if number == EPIPE { return ExitCode(128 + SIGPIPE) }
    return WriteError(
      description: "standard output: cannot be written (\(String(cString: strerror(number))))")
  }
}
