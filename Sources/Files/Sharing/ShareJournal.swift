import Foundation

/// A journal per unit of shared work: entries 1, 2, 3, ... of which each is one file, appended by
/// `link`, which succeeds for exactly one of all processes on all machines that try. The last entry
/// is the unit's state, so that every change of it is a comparison with what the process has seen.
struct ShareJournal {
  /// An entry: a change of a unit's state.
  struct Entry: Codable, Equatable {
    enum State: String, Codable { case claimed, released, done, skipped, failed }

    var state: State
    var worker: ShareWorker
    /// What the worker has to tell of the unit; nil: nothing.
    var payload: String?
  }

  /// The folder of the entries.
  let folder: String

  /// - Throws: `FileError` where the folder cannot be created.
  init(_ folder: String) throws {
    self.folder = folder
    try createFolder(folder)
  }

  /// The numbers of the last entries by the units' keys.
  /// - Throws: `FileError` where the folder cannot be listed.
  func last() throws -> [String: Int] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw FileError.unreadable(path: folder, reason: "the folder cannot be listed")
    }
    var last: [String: Int] = [:]
    for name in names {
      let parts = name.split(separator: "-", omittingEmptySubsequences: false)
      guard parts.count == 2, let number = Int(parts[1]), number > 0 else { continue }
      last[String(parts[0])] = max(last[String(parts[0])] ?? 0, number)
    }
    return last
  }

  /// - Throws: `FileError` where the entry cannot be read.
  func entry(_ key: String, _ number: Int) throws -> Entry {
    let path = path(key, number)
    do {
      return try JSONDecoder().decode(
        Entry.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw FileError.unreadable(
        path: path, reason: "no entry of this version; remove \(folder) to begin anew")
    }
  }

  /// Whether there is an entry.
  func has(_ key: String, _ number: Int) -> Bool { access(path(key, number), F_OK) == 0 }

  /// Appends an entry.
  /// - Returns: whether there was none of this number.
  /// - Throws: `FileError`.
  func append(_ entry: Entry, _ key: String, _ number: Int) throws -> Bool {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try Self.create(path(key, number), try encoder.encode(entry))
  }

  private func path(_ key: String, _ number: Int) -> String { "\(folder)/\(key)-\(number)" }

  /// Creates a file with its whole contents, unless there is one.
  /// - Returns: whether there was none.
  /// - Throws: `FileError`.
  static func create(_ path: String, _ contents: Data) throws -> Bool {
    let (temporary, descriptor) = try Descriptor.create(
      in: parentFolder(of: path), extension: "entry")
    defer { unlink(temporary) }
    do {
      defer { close(descriptor) }
      try contents.withUnsafeBytes { try Descriptor.write($0, to: descriptor, path: path) }
      guard fsync(descriptor) == 0 else { throw FileError.system(path) }
    }
    if link(temporary, path) == 0 { return true }
    let code = errno
    guard code == EEXIST else {
      guard [EPERM, EOPNOTSUPP, ENOTSUP].contains(code) else { throw FileError.system(path, code) }
      throw FileError.unwritable(
        path: parentFolder(of: path),
        reason: "its file system has no hard links, which shared work needs")
    }
    // A server of files may have done it and its answer have been lost: a repeated request fails.
    var status = stat()
    return stat(temporary, &status) == 0 && status.st_nlink == 2
  }
}
