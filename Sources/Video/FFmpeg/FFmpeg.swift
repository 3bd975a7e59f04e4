import Files
import Foundation

/// The installed programs ffmpeg and ffprobe, which read and write videos.
public struct FFmpeg: Sendable {
  public let ffmpeg, ffprobe: String

  /// - Parameter path: the folders to search, as in `PATH`.
  /// - Throws: `VideoError` if one of them is missing.
  public init(path: String? = ProcessInfo.processInfo.environment["PATH"]) throws {
    func find(_ name: String) throws -> String {
      guard let found = ChildProcess.find(name, path: path) else {
        throw VideoError(
          "\(name) is not installed: videos require ffmpeg 5.1 or later; "
            + "install it (Debian: apt-get install ffmpeg, macOS: brew install ffmpeg) or add its "
            + "folder to PATH")
      }
      return found
    }
    ffmpeg = try find("ffmpeg")
    ffprobe = try find("ffprobe")
  }

  /// A path in a form that ffmpeg always takes for a file.
  static func file(_ path: String) -> String { "file:" + path }

  /// Starts ffmpeg.
  /// - Parameters:
  ///   - log: receives its messages.
  ///   - line: called with each of its messages, on a thread of its own.
  /// - Throws: `VideoError`.
  func start(
    _ arguments: [String], _ log: FFmpegLog, writes: Bool = false, reads: Bool = false,
    line: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> ChildProcess {
    try start(
      ffmpeg,
      (writes ? [] : ["-nostdin"]) + ["-hide_banner", "-loglevel", "level+info"]
        + ["-nostats"] + arguments, log, writes: writes, reads: reads, line: line)
  }

  private func start(
    _ program: String, _ arguments: [String], _ log: FFmpegLog, writes: Bool = false,
    reads: Bool = false, line: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> ChildProcess {
    do {
      return try ChildProcess(program, arguments, writes: writes, reads: reads) {
        log.append($0)
        line($0)
      }
    } catch let failure as ChildProcess.StartFailure {
      throw VideoError(failure.description)
    }
  }

  /// Runs ffmpeg to its end.
  /// - Parameter path: the file for error messages.
  /// - Throws: `VideoError` with ffmpeg's message; `FileError.diskFull`.
  func run(_ arguments: [String], for path: String) throws {
    let log = FFmpegLog()
    let status = try start(arguments, log).finish()
    if status != 0 { throw Self.failure(log, status, for: path) }
  }

  /// The error for a failure of ffmpeg.
  static func failure(_ log: FFmpegLog, _ status: Int32, for path: String) -> any Error {
    if log.reportsFullDisk { return FileError.diskFull(path: path) }
    return VideoError(path, "ffmpeg failed: " + log.reason(status))
  }

  /// ffprobe's description of a file, in JSON.
  func probe(_ path: String, _ arguments: [String]) throws -> Data {
    let log = FFmpegLog()
    let process = try start(
      ffprobe, ["-loglevel", "level+error", "-of", "json"] + arguments + [Self.file(path)], log,
      reads: true)
    let data = process.readToEnd()
    let status = process.finish()
    guard status == 0 else {
      let reason = log.reason(status)
      throw VideoError(path, "not a video that ffmpeg can read (\(reason.suffixAfter(path)))")
    }
    return data
  }
}

extension String {
  /// "file:a.mp4: Invalid data found" → "Invalid data found".
  fileprivate func suffixAfter(_ path: String) -> String {
    let prefix = FFmpeg.file(path) + ": "
    return hasPrefix(prefix) ? String(dropFirst(prefix.count)) : self
  }
}
