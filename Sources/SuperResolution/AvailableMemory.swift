import Foundation
import NSARM

/// The memory of this machine that programs can still take without pushing others out.
public struct AvailableMemory: Sendable {
  /// The limit that allows the least.
  public enum Limit: Sendable {
    /// The machine's memory.
    case system
    /// That of a control group, such as a container's.
    case group
    /// The address space that a process may have (`ulimit -v`).
    case addressSpace
  }

  /// The folder that stands for "/".
  private let root: String
  /// Bytes of address space that this process may have; nil: any number.
  let addressSpace: Int?

  public init() {
    var limit = rlimit()
    #if os(Linux)
      let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0
    #else
      let isKnown = getrlimit(RLIMIT_AS, &limit) == 0
    #endif
    self.init(root: "", addressSpace: isKnown ? Int(exactly: limit.rlim_cur) : nil)
  }

  init(root: String, addressSpace: Int?) {
    self.root = root
    // What nobody can have is no limit.
    self.addressSpace = addressSpace.flatMap { $0 < 1 << 60 ? $0 : nil }
  }

  /// nil where the system does not tell.
  public var bytes: Int? { tightest?.bytes }

  /// The limit that allows the least, and its bytes; nil where the system does not tell.
  public var tightest: (limit: Limit, bytes: Int)? {
    #if os(Linux)
      let all: [(limit: Limit, bytes: Int?)] = [
        (.system, system), (.group, group), (.addressSpace, addressSpaceLeft),
      ]
      return all.compactMap { limit, bytes in bytes.map { (limit, $0) } }
        .min { $0.bytes < $1.bytes }
    #else
      return (.system, Int(ProcessInfo.processInfo.physicalMemory) * 3 / 4)
    #endif
  }

  /// Bytes that this process has already, pages of files aside.
  public var own: Int {
    #if os(Linux)
      value("RssAnon:", in: "/proc/self/status").map { $0 * 1024 } ?? 0
    #else
      0  // it is counted as free
    #endif
  }

  private var system: Int? { value("MemAvailable:", in: "/proc/meminfo").map { $0 * 1024 } }

  /// The address space less the part that restoring cannot use. The memory in use and the libraries
  /// are not subtracted: restoring needs them.
  private var addressSpaceLeft: Int? {
    guard let addressSpace, let size = value("VmSize:", in: "/proc/self/status") else { return nil }
    let needed = ["VmRSS:", "VmLib:"].compactMap { value($0, in: "/proc/self/status") }
    return max(0, addressSpace - max(0, size - needed.reduce(0, +)) * 1024)
  }

  /// The least that this process's control groups, of both versions, and the groups around them
  /// leave.
  private var group: Int? {
    var paths: [(folder: String, names: Names)] = []
    for line in text("/proc/self/cgroup")?.split(separator: "\n") ?? [] {
      // "4:memory:/docker/1f" of version 1, "0::/user.slice" of version 2.
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      if fields[1].split(separator: ",").contains("memory") {
        paths += Self.around(String(fields[2])).map { ("/sys/fs/cgroup/memory" + $0, .version1) }
      } else if fields[1].isEmpty {
        paths += Self.around(String(fields[2])).map { ("/sys/fs/cgroup" + $0, .version2) }
        paths += Self.around(String(fields[2])).map { ("/sys/fs/cgroup/unified" + $0, .version2) }
      }
    }
    // What a container sees of its group may have another name inside.
    paths += [("/sys/fs/cgroup", .version2), ("/sys/fs/cgroup/memory", .version1)]
    return paths.compactMap { left($0.folder, $0.names) }.min()
  }

  /// Names of files and of their keys.
  private struct Names {
    let limit, used, files, shared: String
    static let version1 = Names(
      limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes", files: "total_cache",
      shared: "total_shmem")
    static let version2 = Names(
      limit: "memory.max", used: "memory.current", files: "file", shared: "shmem")
  }

  /// "/a/b" → "/a/b", "/a", "".
  private static func around(_ path: String) -> [String] {
    let names = path.split(separator: "/")
    guard !names.contains("..") else { return [] }
    return (0...names.count).reversed().map { names[..<$0].map { "/" + $0 }.joined() }
  }

  /// A group's limit less what it uses; pages of files, which give way, do not count.
  private func left(_ folder: String, _ names: Names) -> Int? {
    func number(_ name: String) -> Int? {
      text("\(folder)/\(name)").flatMap {
        Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
      }
    }
    // "max", or the largest number of pages, where there is none.
    guard let limit = number(names.limit), limit < 1 << 60, let used = number(names.used) else {
      return nil
    }
    let statistics = folder + "/memory.stat"
    let files =
      (value(names.files, in: statistics) ?? 0) - (value(names.shared, in: statistics) ?? 0)
    return max(0, limit - used + max(0, files))
  }

  /// The number behind `key` in a file of lines "key number".
  private func value(_ key: String, in path: String) -> Int? {
    for line in text(path)?.split(separator: "\n") ?? [] {
      let words = line.split { $0 == " " || $0 == "\t" }
      if words.first == Substring(key), words.count > 1 { return Int(words[1]) }
    }
    return nil
  }

  private func text(_ path: String) -> String? {
    try? String(contentsOfFile: root + path, encoding: .utf8)
  }
}
