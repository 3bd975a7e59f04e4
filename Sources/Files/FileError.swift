import Foundation

/// A file or folder that could not be written or read. The message is one line that names it and,
/// where there is one, the remedy.
public enum FileError: LocalizedError, CustomStringConvertible, Equatable, Sendable {
  case exists(path: String)
  case missingFolder(path: String)
  case diskFull(path: String)
  case noRoom(path: String, needed: Int, free: Int)
  case unwritable(path: String, reason: String)
  case unreadable(path: String, reason: String)

  public var description: String {
    switch self {
    case .exists(let path):
      "\(path): exists already"
    case .missingFolder(let path):
      "\(path): the folder does not exist; create it first"
    case .diskFull(let path):
      "\(path): the disk is full; free some space or choose another folder"
    case .noRoom(let path, let needed, let free):
      "\(path): \(Self.megabytes(needed)) MB are needed there and \(Self.megabytes(free)) MB are free;"
        + " free some space or choose another folder"
    case .unwritable(let path, let reason):
      "\(path): cannot be written (\(reason))"
    case .unreadable(let path, let reason):
      "\(path): cannot be read (\(reason))"
    }
  }

  public var errorDescription: String? { description }

  private static func megabytes(_ bytes: Int) -> Int { (bytes + 999_999) / 1_000_000 }

  /// The error for a file that the last system call could not open or read.
  static func unreadable(_ path: String) -> FileError {
    .unreadable(path: path, reason: String(cString: strerror(errno)))
  }

  /// The error for a failed system call, with the operating system's message.
  package static func system(_ path: String, _ code: Int32 = errno) -> FileError {
    switch code {
    case ENOSPC, EDQUOT, EFBIG: .diskFull(path: path)
    default: .unwritable(path: path, reason: String(cString: strerror(code)))
    }
  }
}
