import Foundation

/// A file system of few bytes in a folder, gone when the test ends. Mounting takes root.
public final class SmallDisk {
  public let path: String

  public static let isPossible: Bool = {
    guard let folder = try? ScratchFolder() else { return false }
    return (try? SmallDisk(folder.path, kilobytes: 64)) != nil
  }()
  public static let missing = "needs the right to mount a small file system"

  public struct CannotMount: Error {}

  /// - Parameter path: a folder, made where it is missing.
  public init(_ path: String, kilobytes: Int) throws {
    self.path = path
    mkdir(path, 0o700)
    try Self.run("mount", "-t", "tmpfs", "-o", "size=\(kilobytes)k", "none", path)
  }

  deinit {
    try? Self.run("umount", "-l", path)
    rmdir(path)  // the folder around it may be gone already
  }

  /// Gives it another size, with all that it holds.
  public func resize(kilobytes: Int) throws {
    try Self.run("mount", "-o", "remount,size=\(kilobytes)k", path)
  }

  private static func run(_ command: String...) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CannotMount() }
  }
}
