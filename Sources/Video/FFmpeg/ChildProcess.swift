import Foundation

/// A program that runs beside this one: bytes go into it or come out of it, and what it says on
/// standard error is read line by line.
///
/// The streams are pairs of sockets, so that writing to a program that has ended is an error and no
/// signal.
final class ChildProcess {
  /// The program no longer takes what is written.
  struct InputClosed: Error {}

  let log: ChildLog
  private let process = Process()
  private var input: Int32 = -1
  private var output: Int32 = -1
  private var hasStarted = false

  /// - Parameters:
  ///   - writes: whether the program reads standard input, else there is none.
  ///   - line: takes each line of standard error, on a thread of its own.
  init(
    _ program: String, _ arguments: [String], writes: Bool = false, reads: Bool = false,
    line: @escaping @Sendable (String) -> Void = { _ in }
  ) throws {
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let errors = try Self.pair()
    var theirs = [errors.theirs]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(fileDescriptor: errors.theirs)
    if writes {
      let pair = try Self.pair()
      input = pair.ours
      theirs.append(pair.theirs)
      process.standardInput = FileHandle(fileDescriptor: pair.theirs)
    }
    if reads {
      let pair = try Self.pair()
      output = pair.ours
      theirs.append(pair.theirs)
      process.standardOutput = FileHandle(fileDescriptor: pair.theirs)
    }
    log = ChildLog(descriptor: errors.ours, line: line)
    defer { for descriptor in theirs { close(descriptor) } }
    do {
      try process.run()
      hasStarted = true
    } catch {
      throw VideoError(program, "cannot be started (\(error.localizedDescription))")
    }
  }

  deinit { stop() }

  /// - Throws: `InputClosed`.
  func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let count = send(input, rest.baseAddress!, min(rest.count, 1 << 30), Self.noSignal)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw InputClosed() }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Fills `bytes`.
  /// - Returns: how many bytes there were: fewer at the end.
  func read(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
    var done = 0
    while done < bytes.count {
      let count = Foundation.read(output, bytes.baseAddress! + done, bytes.count - done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      done += count
    }
    return done
  }

  /// Ends the program's input, waits for its end.
  /// - Returns: its exit status.
  func finish() -> Int32 {
    closeStreams()
    process.waitUntilExit()
    log.join()
    return process.terminationReason == .exit
      ? process.terminationStatus : 128 + process.terminationStatus
  }

  /// Ends the program, which leaves what it was doing.
  func stop() {
    guard hasStarted else { return closeStreams() }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    _ = finish()
  }

  private func closeStreams() {
    for descriptor in [input, output] where descriptor >= 0 { close(descriptor) }
    (input, output) = (-1, -1)
  }

  #if os(Linux)
    private static let noSignal = Int32(MSG_NOSIGNAL)
    private static let stream = Int32(SOCK_STREAM.rawValue)
  #else
    private static let noSignal: Int32 = 0
    private static let stream = SOCK_STREAM
  #endif

  /// Two ends of a stream that further programs do not inherit.
  private static func pair() throws -> (ours: Int32, theirs: Int32) {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, stream, 0, &ends) == 0 else {
      throw VideoError("a program cannot be connected (\(String(cString: strerror(errno))))")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    #if !os(Linux)
      var on: Int32 = 1
      setsockopt(ends[0], SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
    #endif
    return (ends[0], ends[1])
  }
}

/// What a program of ffmpeg says: with `-loglevel level+info` every line has its level in brackets.
final class ChildLog: @unchecked Sendable {
  private let condition = NSCondition()
  private var errors: [String] = []
  private var lastWarning: String?
  private var isAtEnd = false

  init(descriptor: Int32, line: @escaping @Sendable (String) -> Void) {
    let thread = Thread { [self] in
      let file = fdopen(descriptor, "r")!
      var (buffer, capacity): (UnsafeMutablePointer<CChar>?, Int) = (nil, 0)
      while getline(&buffer, &capacity, file) > 0 {
        let text = String(cString: buffer!).trimmingCharacters(in: .whitespacesAndNewlines)
        if text.contains(#/\[(error|fatal|panic)\]/#) {
          let plain = Self.plain(text)
          condition.withLock {
            if !plain.isEmpty, errors.count < 1000 { errors.append(plain) }
          }
        } else if text.contains("[warning]") {
          condition.withLock { lastWarning = Self.plain(text) }
        }
        line(text)
      }
      free(buffer)
      fclose(file)
      condition.withLock {
        isAtEnd = true
        condition.broadcast()
      }
    }
    thread.start()
  }

  /// Waits until the program's standard error has ended.
  func join() { condition.withLock { while !isAtEnd { condition.wait() } } }

  /// The last line that tells of an error.
  var lastError: String? { condition.withLock { errors.last { !Self.isConsequence($0) } } }
  /// Why the program failed: what went wrong, else what followed from it, else the last warning.
  /// - Parameter status: the exit status, where it has said nothing at all.
  func reason(_ status: Int32) -> String {
    lastError ?? condition.withLock { errors.first ?? lastWarning } ?? "exit status \(status)"
  }
  var errorCount: Int { condition.withLock { errors.count } }
  /// Whether a line tells of a full disk.
  var tellsOfFullDisk: Bool {
    condition.withLock { errors.contains { $0.contains("No space left on device") } }
  }

  /// "[mp4 @ 0x5581] [error] Could not find tag" → "Could not find tag".
  private static func plain(_ line: String) -> String {
    line.replacing(#/^(\[[^\]]*\] *)+/#, with: "")
  }

  /// What ffmpeg says after it has told what is wrong.
  private static func isConsequence(_ line: String) -> Bool {
    [
      "Conversion failed", "Could not write header", "Error initializing output stream",
      "Error marking filters", "Error opening output file", "Error reinitializing filters",
      "Error while opening encoder", "Error while processing the decoded data",
      "Failed to inject frame",
      "Nothing was written into output", "Task finished with error", "Terminating thread with",
    ]
    .contains { line.hasPrefix($0) }
      || line.hasPrefix("file:") && line.hasSuffix(": Invalid argument")
  }
}
