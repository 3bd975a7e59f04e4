import Foundation
import Imaging

/// A temporary folder that is removed with its contents when the test ends.
public final class ScratchFolder: Sendable {
  public let path: String

  public init() throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("nsarm-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit {
    // What was abandoned may just be removing its own files.
    for attempt in 0..<50 {
      try? FileManager.default.removeItem(atPath: path)
      guard FileManager.default.fileExists(atPath: path) else { return }
      Thread.sleep(forTimeInterval: 0.01 * Double(attempt))
    }
  }

  public func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  public func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    try Data(Array(bytes)).write(to: URL(fileURLWithPath: self(name)))
    return self(name)
  }

  /// Writes a picture, creating its folder.
  public func write(_ image: Image, _ name: String) throws {
    let file = self(name)
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try image.write(to: file, overwrite: true)
  }

  /// The names of all files and folders in the folder, including hidden ones, sorted.
  public var entries: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  /// The names of all files in the folder and its subfolders, including hidden ones, sorted.
  public var contents: [String] {
    (FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? [])
      .filter { name in
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: self(name), isDirectory: &isFolder)
        return !isFolder.boolValue
      }.sorted()
  }
}
