import Foundation

extension ImageReader {
  /// What can be said about a file without knowing its format.
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

  static func openingError(_ path: String, _ reason: String) -> ImagingError {
    if reason == "no known format" {
      return .notAnImage(path: path, reason: "its contents are in no known picture format")
    }
    let ours = ["neither grey", "samples are", "ICO files", "BMP: compressed"]
    if ours.contains(where: reason.hasPrefix) { return .unsupported(path: path, reason: reason) }
    // What libvips and the libraries below it say of whole files in encodings that they do not
    // read.
    let theirs = [
      "unsupported", "not supported", "unimplemented", "not implemented", "can't handle",
      "samples out of range",
    ]
    if theirs.contains(where: reason.lowercased().contains) {
      return .unsupported(
        path: path,
        reason: "an encoding that is not read (\(reason)); convert it to PNG or 8-bit JPEG")
    }
    return .damaged(path: path, reason: reason)
  }
}
