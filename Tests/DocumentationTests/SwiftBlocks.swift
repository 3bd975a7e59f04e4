import Foundation
import TestSupport

/// Lines of Swift, without the indentation that they share.
struct SwiftLines {
  let lines: [String]

  init(_ lines: some Sequence<some StringProtocol>) {
    let lines = lines.map { line in
      String(line.reversed().drop(while: \.isWhitespace).reversed())
    }
    let indents = lines.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }
    let shared = indents.min() ?? 0
    self.lines = lines.map { String($0.dropFirst(shared)) }
  }

  /// Whether `file` contains these lines consecutively, at any indentation.
  func stand(in file: [String]) -> Bool {
    guard let first = lines.first, lines.count <= file.count else { return false }
    let ends = file.indices.dropLast(lines.count - 1)
    return ends.contains { start in
      file[start].hasSuffix(first)
        && SwiftLines(file[start..<start + lines.count]).lines == lines
    }
  }

  /// The imports at the beginning, and the rest.
  var parts: (imports: [String], body: SwiftLines) {
    let body = lines.drop { $0.isEmpty || $0.hasPrefix("import ") }
    return (lines.dropLast(body.count).filter { !$0.isEmpty }, SwiftLines(body))
  }
}

/// A block of Swift that documentation shows.
struct SwiftBlock: CustomStringConvertible {
  let file: String
  let line: Int
  let code: SwiftLines

  var description: String { "\(file):\(line)" }

  /// The blocks of a Markdown file, or of the documentation comments of a Swift file.
  static func all(in file: String) throws -> [SwiftBlock] {
    let text = try Documents.lines(file)
    let isSwift = file.hasSuffix(".swift")
    var blocks: [SwiftBlock] = []
    var start: Int?
    for (index, whole) in text.enumerated() {
      let trimmed = whole.drop(while: \.isWhitespace)
      guard !isSwift || trimmed.hasPrefix("///") else { continue }
      let line = isSwift ? trimmed.dropFirst(3).drop(while: \.isWhitespace) : trimmed
      if let from = start {
        guard line.hasPrefix("```") else { continue }
        let code = text[(from + 1)..<index].map { isSwift ? comment($0) : $0 }
        blocks.append(SwiftBlock(file: file, line: from + 1, code: SwiftLines(code)))
        start = nil
      } else if line.hasPrefix("```swift") {
        start = index
      }
    }
    return blocks
  }

  private static func comment(_ line: String) -> String {
    String(line.drop(while: \.isWhitespace).dropFirst(3))
  }
}

/// The files of the repository.
enum Documents {
  static func lines(_ file: String) throws -> [String] {
    try String(contentsOf: Fixture.packageRoot.appendingPathComponent(file), encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// Files in folders or, of the root, beside them, with one of the endings; no hidden ones.
  static func files(_ folders: [String], _ endings: String...) -> [String] {
    let root = Fixture.packageRoot
    let found = folders.flatMap { folder in
      (FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)?
        .compactMap { $0 as? String } ?? []).map { "\(folder)/\($0)" }
    }
    return found.filter { file in
      endings.contains(where: file.hasSuffix) && !file.contains("/.")
    }.sorted()
  }
}
