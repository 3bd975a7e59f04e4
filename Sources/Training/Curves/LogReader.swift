import Foundation

/// Reads the lines of a growing log, each once.
struct LogReader {
  private let path: String
  private var offset: UInt64 = 0
  private static let chunk = 1 << 20

  init(_ path: String) { self.path = path }

  /// Calls `body` with the objects of the complete lines after those that were read before; a log
  /// that does not exist has none, and lines that are no objects are left out.
  mutating func read(_ body: ([String: Any]) throws -> Void) throws {
    guard let file = FileHandle(forReadingAtPath: path) else { return }
    defer { try? file.close() }
    try file.seek(toOffset: offset)
    var rest = Data()
    while let more = try file.read(upToCount: Self.chunk), !more.isEmpty {
      rest.append(more)
      guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { continue }
      for line in rest[..<end].split(separator: UInt8(ascii: "\n")) {
        if let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any] {
          try body(object)
        }
      }
      offset += UInt64(end + 1 - rest.startIndex)
      rest = Data(rest[(end + 1)...])
    }
  }
}
