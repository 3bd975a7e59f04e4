import Files
import Foundation

extension FileError {
  /// A system call on a file that has just failed.
  static func failed(_ path: String) -> FileError {
    switch errno {
    case ENOSPC, EDQUOT: .diskFull(path: path)
    case let code: .unwritable(path: path, reason: String(cString: strerror(code)))
    }
  }
}
