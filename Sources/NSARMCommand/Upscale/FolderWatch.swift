import Foundation

/// Tells the new and complete files of folders that are read again and again. A file is complete
/// when its size and date are those of the time before.
struct FolderWatch {
  /// The seconds from one reading of the folders to the next.
  static let interval = 1.0

  private struct Version: Equatable {
    let size: Int64
    let seconds, nanoseconds: Int

    /// The size of a file that has gone is -1.
    init(_ path: String) {
      var status = stat()
      size = stat(path, &status) == 0 ? Int64(status.st_size) : -1
      (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
    }
  }

  private var seen: [String: Version] = [:]
  private var given: [String: Version] = [:]

  /// The items whose files are complete and have not been returned before in this version.
  mutating func complete<Item>(_ items: [Item], path: (Item) -> String) -> [Item] {
    var fresh: Set<String> = []
    for path in Set(items.map(path)) {
      let version = Version(path)
      if seen.updateValue(version, forKey: path) == version, given[path] != version {
        given[path] = version
        fresh.insert(path)
      }
    }
    return items.filter { fresh.contains(path($0)) }
  }
}
