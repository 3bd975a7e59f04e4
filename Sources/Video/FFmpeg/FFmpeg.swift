import Files
import Foundation

/// The installed programs ffmpeg and ffprobe, which read and write videos.
public struct FFmpeg: Sendable {
  public let ffmpeg, ffprobe: String

  /// - Parameter path: folders to look in, as in `PATH`.
  /// - Throws: `VideoError` where one of them is missing.
  public init(path: String? = ProcessInfo.processInfo.environment["PATH"]) throws {
    func find(_ name: String) throws -> String {
      let folders = (path ?? "").split(separator: ":").map(String.init)
      guard
        let found = folders.map({ "\($0)/\(name)" }).first(where: {
          FileManager.default.isExecutableFile(atPath: $0) && !isFolder($0)
        })
      else {
        throw VideoError(
          "\(name) is not installed: videos are read and written by ffmpeg 5.1 or later; "
            + "install it (Debian: apt-get install ffmpeg, macOS: brew install ffmpeg) or add its "
            + "folder to PATH")
      }
      return found
    }
    ffmpeg = try find("ffmpeg")
    ffprobe = try find("ffprobe")
  }

  /// A path as ffmpeg takes it: always a file, whatever it looks like.
  static func file(_ path: String) -> String { "file:" + path }

  /// Starts ffmpeg.
  func start(
    _ arguments: [String], writes: Bool = false, reads: Bool = false,
    line: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> ChildProcess {
    try ChildProcess(
      ffmpeg,
      (writes ? [] : ["-nostdin"]) + ["-hide_banner", "-loglevel", "level+info"]
        + ["-nostats"] + arguments, writes: writes, reads: reads, line: line)
  }

  /// Runs ffmpeg to its end.
  /// - Parameter path: what an error is about.
  /// - Throws: `VideoError` with the last thing that ffmpeg says; `FileError.diskFull`.
  func run(_ arguments: [String], for path: String) throws {
    let process = try start(arguments)
    let status = process.finish()
    if status != 0 { throw Self.failure(process.log, status, for: path) }
  }

  /// What ffmpeg's failure means.
  static func failure(_ log: ChildLog, _ status: Int32, for path: String) -> any Error {
    if log.tellsOfFullDisk { return FileError.diskFull(path: path) }
    return VideoError(path, "ffmpeg failed: " + log.reason(status))
  }

  /// What ffprobe says about a file, as JSON.
  func probe(_ path: String, _ arguments: [String]) throws -> Data {
    let process = try ChildProcess(
      ffprobe, ["-loglevel", "level+error", "-of", "json"] + arguments + [Self.file(path)],
      reads: true)
    var data = Data()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = buffer.withUnsafeMutableBytes({ process.read($0) }), count > 0 {
      data.append(contentsOf: buffer[..<count])
    }
    let status = process.finish()
    guard status == 0 else {
      let reason = process.log.reason(status)
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
