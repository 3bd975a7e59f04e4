import CVips
import Foundation

extension ImageReader {
  /// The errors that can be recognised without knowing the format.
  static func check(_ path: String) throws {
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno == ENOENT || errno == ENOTDIR { throw ImagingError.missing(path: path) }
      throw ImagingError.unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw ImagingError.notAFile(path: path) }
    guard access(path, R_OK) == 0 else {
      throw ImagingError.unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    guard status.st_size > 0 else { throw ImagingError.empty(path: path) }
  }

  static func openingError(
    _ path: String, _ reason: String, _ failure: cvips_failure = CVIPS_DAMAGED
  ) -> ImagingError {
    switch failure {
    case CVIPS_UNKNOWN_FORMAT: return .notAnImage(path: path, reason: reason)
    case CVIPS_UNSUPPORTED: return .unsupported(path: path, reason: reason)
    default: break
    }
    // libvips has no codes, only messages, for encodings that its libraries do not support.
    let theirs = [
      "unsupported", "not supported", "unimplemented", "not implemented", "can't handle",
      "samples out of range",
    ]
    if theirs.contains(where: reason.lowercased().contains) {
      return .unsupported(
        path: path,
        reason: "an encoding that is not supported (\(reason)); convert it to PNG or 8-bit JPEG")
    }
    return .damaged(path: path, reason: reason)
  }
}
