import Foundation

/// Which of the files in folders that are looked at again and again are new, and complete: of the
/// same size and date as at the look before.
struct FolderWatch {
  /// Seconds from one look to the next.
  static let interval = 1.0

  private struct Version: Equatable {
    let size: Int64
    let seconds, nanoseconds: Int

    /// Of what has gone: -1.
    init(_ path: String) {
      var status = stat()
      size = stat(path, &status) == 0 ? Int64(status.st_size) : -1
      (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
    }
  }

  private var seen: [String: Version] = [:]
  private var given: [String: Version] = [:]

  /// Those of `items` that have not been given before in this version.
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
