import ArgumentParser
import Files
import Foundation
import Terminal

/// "-" as an input and as an output of `nsarm upscale`: files in a temporary folder stand for
/// standard input and output, since pictures are read and written in any order.
final class StandardStreams {
  private(set) var input: String?
  private(set) var output: String?
  private var folder: TemporaryFolder?

  /// Whether `path` stands for a stream.
  static func isStream(_ path: String) -> Bool { path == "-" }

  /// Reads standard input to its end into a file.
  func readInput() throws -> String {
    if let input { return input }
    guard isatty(STDIN_FILENO) == 0 else {
      throw ValidationError("'-' is standard input, which is the terminal; pipe a picture into it")
    }
    let path = try temporaryFolder() + "/input"
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let file = FileHandle(forWritingAtPath: path)
    else { throw CocoaError(.fileWriteUnknown) }
    defer { try? file.close() }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      // Unlike a read, waiting ends when a signal comes.
      var wait = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      _ = poll(&wait, 1, -1)
      if Interruption.isRequested { throw ExitCode(Interruption.status) }
      let count = read(STDIN_FILENO, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
      if count == 0 { break }
      try file.write(contentsOf: buffer[..<count])
    }
    input = path
    return path
  }

  /// The file that `sendOutput` copies to standard output.
  func makeOutput(fileExtension: String) throws -> String {
    guard isatty(STDOUT_FILENO) == 0 else {
      throw ValidationError(
        "-o - writes the picture to standard output, which is the terminal; redirect it")
    }
    let path = try temporaryFolder() + "/output.\(fileExtension)"
    output = path
    return path
  }

  func sendOutput() throws {
    if let output { try StandardOutput.send(file: output) }
  }

  /// A text with the streams' names in place of the files'.
  func named(_ text: String) -> String {
    var text = text
    if let input { text = text.replacingOccurrences(of: input, with: "standard input") }
    if let output { text = text.replacingOccurrences(of: output, with: "standard output") }
    return text
  }

  func remove() {
    folder?.remove()
    folder = nil
  }

  private func temporaryFolder() throws -> String {
    let folder = try folder ?? TemporaryFolder()
    self.folder = folder
    return folder.path
  }
}
