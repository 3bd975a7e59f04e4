import Foundation

/// A small file system, which vanishes when the test ends, even if it is killed.
///
/// A child process mounts it in a namespace of its own, which needs no privileges where users may
/// create namespaces; other processes reach it through that process's entry in /proc. `realpath`
/// therefore leads to the empty mount point instead.
public final class SmallDisk {
  /// The root folder of the disk.
  public let path: String
  private let place: ScratchFolder
  private let holder = Process()
  private let (sizes, answers) = (Pipe(), Pipe())

  public static let isPossible = (try? SmallDisk(kilobytes: 64)) != nil
  public static let missing = "nobody may mount a file system in a namespace of his own here"

  public struct CannotMount: Error {}

  /// Mounts `$0` with a size in kilobytes, then resizes it to each size that it reads.
  private static let script = """
    mount -t tmpfs -o "size=$1k,mode=700" none "$0" && echo &&
    while read -r size; do mount -t tmpfs -o "remount,size=${size}k" none "$0" && echo || exit; done
    """

  public init(kilobytes: Int) throws {
    place = try ScratchFolder()
    holder.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    holder.arguments =
      ["unshare", "--mount"] + (getuid() == 0 ? [] : ["--user", "--map-root-user"])
      + ["sh", "-c", Self.script, place.path, "\(kilobytes)"]
    holder.standardInput = sizes
    holder.standardOutput = answers
    holder.standardError = FileHandle.nullDevice
    try holder.run()
    path = "/proc/\(holder.processIdentifier)/root\(place.path)"
    try wait()
  }

  deinit {
    try? sizes.fileHandleForWriting.close()
    holder.waitUntilExit()
  }

  /// A path on the disk.
  public func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  /// The names of all files and folders in the root folder, including hidden ones, sorted.
  public var entries: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  /// Changes the size and keeps the contents.
  public func resize(kilobytes: Int) throws {
    try sizes.fileHandleForWriting.write(contentsOf: Data("\(kilobytes)\n".utf8))
    try wait()
  }

  private func wait() throws {
    guard try answers.fileHandleForReading.read(upToCount: 1)?.count == 1 else {
      throw CannotMount()
    }
  }
}
