import Foundation

/// A program run to its end, without a shell.
struct ChildProcess {
  let status: Int32
  let output: Data
  let errors: String

  /// The path of a program in $PATH, or nil; a name with a slash is a path already.
  static func find(_ name: String) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    let candidates =
      name.contains("/") ? [name] : path.split(separator: ":").map { "\($0)/\(name)" }
    return candidates.first { candidate in
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder)
        && !isFolder.boolValue && FileManager.default.isExecutableFile(atPath: candidate)
    }
  }

  /// - Parameters:
  ///   - program: its path.
  ///   - environment: added to this process's.
  /// - Throws: what Foundation says where it cannot be started.
  init(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    let (out, err) = (Pipe(), Pipe())
    process.standardOutput = out
    process.standardError = err
    try process.run()
    // Both pipes are emptied at once: a child that fills one of them would wait forever. What the
    // queue writes is read after it has ended.
    nonisolated(unsafe) var errorData = Data()
    let reading = DispatchQueue(label: "errors of \(program)")
    reading.async { errorData = err.fileHandleForReading.readDataToEndOfFile() }
    output = out.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    reading.sync {}
    status = process.terminationStatus
    errors = String(decoding: errorData, as: UTF8.self)
  }

  /// The last line with text of what it wrote on standard error, for messages.
  var lastError: String {
    errors.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
      .last { !$0.isEmpty } ?? "it said nothing"
  }
}
