import Foundation
import Synchronization

/// A program that runs beside this one, without a shell. Bytes go into its standard input and come
/// out of its standard output; its standard error is read line by line.
package final class ChildProcess {
  /// The program no longer reads its standard input.
  package struct InputClosed: Error {}

  /// The program could not be started.
  package struct StartFailure: LocalizedError, CustomStringConvertible {
    package let program, reason: String
    package var description: String { "\(program): cannot be started (\(reason))" }
    package var errorDescription: String? { description }
  }

  private let process = Process()
  private var input: Int32 = -1
  private var output: Int32 = -1
  private var hasStarted = false
  /// Signalled when standard error has ended.
  private let errorsEnded = DispatchSemaphore(value: 0)

  /// The path of an installed program, or nil.
  /// - Parameters:
  ///   - name: its name; one with a slash is a path already.
  ///   - path: the folders to search, as in `PATH`.
  package static func find(
    _ name: String, path: String? = ProcessInfo.processInfo.environment["PATH"]
  ) -> String? {
    let folders = (path ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
    let candidates = name.contains("/") ? [name] : folders.map { "\($0)/\(name)" }
    return candidates.first {
      !isFolder($0) && FileManager.default.isExecutableFile(atPath: $0)
    }
  }

  /// - Parameters:
  ///   - program: its path.
  ///   - environment: added to this process's environment.
  ///   - writes: whether the program gets a standard input to be written to; otherwise it is empty.
  ///   - reads: whether its standard output is read; otherwise it is discarded.
  ///   - line: called with each line of standard error, on a thread of its own.
  /// - Throws: `StartFailure`.
  package init(
    _ program: String, _ arguments: [String], environment: [String: String] = [:],
    writes: Bool = false, reads: Bool = false,
    line: @escaping @Sendable (String) -> Void = { _ in }
  ) throws {
    func failure(_ reason: String) -> StartFailure {
      StartFailure(program: program, reason: reason)
    }
    var theirs: [Int32] = []
    defer { for descriptor in theirs { close(descriptor) } }
    /// Two ends of a stream that other programs do not inherit.
    func connected(_ make: (inout [Int32]) -> Int32) throws -> (ours: Int32, FileHandle) {
      var ends: [Int32] = [-1, -1]
      guard make(&ends) == 0 else { throw failure(String(cString: strerror(errno))) }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      theirs.append(ends[1])
      return (ends[0], FileHandle(fileDescriptor: ends[1]))
    }
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    if !environment.isEmpty {
      process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    var errors: Int32 = -1
    do {
      // Output goes through pipes, which programs can open again as /dev/stdout and /dev/stderr.
      (errors, process.standardError) = try connected { pipe(&$0) }
      if reads { (output, process.standardOutput) = try connected { pipe(&$0) } }
      if writes { (input, process.standardInput) = try connected(Self.socketPair) }
      try process.run()
    } catch {
      if errors >= 0 { close(errors) }
      throw error as? StartFailure ?? failure(error.localizedDescription)
    }
    hasStarted = true
    Self.readLines(errors, line) { [errorsEnded] in errorsEnded.signal() }
  }

  deinit { stop() }

  /// Writes to the program's standard input.
  /// - Throws: `InputClosed`.
  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let count = send(input, rest.baseAddress!, min(rest.count, 1 << 30), Self.noSignal)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw InputClosed() }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Fills `bytes` from the program's standard output.
  /// - Returns: the number of bytes read; smaller than asked for at the end only.
  package func read(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
    var done = 0
    while done < bytes.count {
      let count = Foundation.read(output, bytes.baseAddress! + done, bytes.count - done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      done += count
    }
    return done
  }

  /// Reads the program's standard output to its end.
  package func readToEnd() -> Data {
    var data = Data()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = buffer.withUnsafeMutableBytes({ read($0) }), count > 0 {
      data.append(contentsOf: buffer[..<count])
    }
    return data
  }

  /// Closes the program's streams and waits for it to end.
  /// - Returns: its exit status; 128 plus the signal's number where a signal ended it.
  package func finish() -> Int32 {
    closeStreams()
    process.waitUntilExit()
    errorsEnded.wait()
    errorsEnded.signal()
    return process.terminationReason == .exit
      ? process.terminationStatus : 128 + process.terminationStatus
  }

  /// Ends the program at once.
  package func stop() {
    guard hasStarted else { return closeStreams() }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    _ = finish()
  }

  private func closeStreams() {
    for descriptor in [input, output] where descriptor >= 0 { close(descriptor) }
    (input, output) = (-1, -1)
  }

  private static func readLines(
    _ descriptor: Int32, _ line: @escaping @Sendable (String) -> Void,
    atEnd: @escaping @Sendable () -> Void
  ) {
    let thread = Thread {
      let file = fdopen(descriptor, "r")!
      var (buffer, capacity): (UnsafeMutablePointer<CChar>?, Int) = (nil, 0)
      while getline(&buffer, &capacity, file) > 0 {
        line(String(cString: buffer!).trimmingCharacters(in: .whitespacesAndNewlines))
      }
      free(buffer)
      fclose(file)
      atEnd()
    }
    thread.start()
  }

  // A socket, so that writing to a program that has ended is an error and not a signal.
  #if os(Linux)
    private static let noSignal = Int32(MSG_NOSIGNAL)
    private static func socketPair(_ ends: inout [Int32]) -> Int32 {
      socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
    }
  #else
    private static let noSignal: Int32 = 0
    private static func socketPair(_ ends: inout [Int32]) -> Int32 {
      let status = socketpair(AF_UNIX, SOCK_STREAM, 0, &ends)
      var on: Int32 = 1
      setsockopt(ends[0], SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
      return status
    }
  #endif
}

extension ChildProcess {
  /// The outcome of a program that has run to its end.
  package struct Result {
    package let status: Int32
    package let output: Data
    /// The lines of standard error.
    package let errors: [String]

    /// The last line of standard error that is not empty, for messages.
    package var lastError: String { errors.last { !$0.isEmpty } ?? "no message" }
  }

  /// Runs a program to its end.
  /// - Parameters:
  ///   - program: its path.
  ///   - environment: added to this process's environment.
  /// - Throws: `StartFailure`.
  package static func run(
    _ program: String, _ arguments: [String], environment: [String: String] = [:]
  ) throws -> Result {
    let errors = Lines()
    let process = try ChildProcess(
      program, arguments, environment: environment, reads: true, line: errors.append)
    let output = process.readToEnd()
    let status = process.finish()
    return Result(status: status, output: output, errors: errors.all)
  }

  private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func append(_ line: String) { lines.withLock { $0.append(line) } }
  }
}
