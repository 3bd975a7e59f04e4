import Foundation
import Hummingbird

/// What a request wants of a representation that has a tag and a length: RFC 9110, 13 and 14.
enum ByteRange: Equatable {
  case whole
  case part(Range<Int>)
  case unsatisfiable

  /// - Parameters:
  ///   - request: several ranges at once, and what is no range of bytes, ask for the whole.
  ///   - tag: of the representation, strong, in its quotes.
  ///   - count: its bytes.
  init(_ request: Request, tag: String, count: Int) {
    guard request.method == .get, let text = request.headers[.range] else {
      self = .whole
      return
    }
    // A client that has a part of another version wants the whole of this one.
    if let condition = request.headers[.ifRange], condition != tag {
      self = .whole
      return
    }
    self = Self.parsed(text, count)
  }

  private static func parsed(_ text: String, _ count: Int) -> ByteRange {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].lowercased() == "bytes" else { return .whole }
    let bounds = parts[1].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
      .map { $0.drop { $0 == " " || $0 == "\t" } }
    guard bounds.count == 2 else { return .whole }
    guard let first = number(bounds[0]) else {
      guard bounds[0].isEmpty, let last = number(bounds[1]) else { return .whole }
      // The last so many.
      return last == 0 || count == 0 ? .unsatisfiable : .part(max(0, count - last)..<count)
    }
    let last = bounds[1].isEmpty ? Int.max : number(bounds[1])
    guard let last, last >= first else { return .whole }
    return first >= count ? .unsatisfiable : .part(first..<min(last, count - 1) + 1)
  }

  /// Digits alone; what is more than a file can have is the most of it.
  private static func number(_ text: Substring) -> Int? {
    let digits = text.trimmingSuffix { $0 == " " || $0 == "\t" }
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return Int(digits) ?? .max
  }
}

extension Substring {
  fileprivate func trimmingSuffix(_ isSpace: (Character) -> Bool) -> Substring {
    var text = self
    while let last = text.last, isSpace(last) { text.removeLast() }
    return text
  }
}

extension Request {
  /// Whether the client has the version with this tag: `If-None-Match`.
  func knows(_ tag: String) -> Bool {
    headers[values: .ifNoneMatch].joined(separator: ",").split(separator: ",").contains { item in
      let item = item.trimmingCharacters(in: .whitespaces)
      return item == "*" || item == tag || item == "W/" + tag
    }
  }

  /// Checks `If-Match`.
  /// - Throws: `Problem` where the client wants another version only.
  func requireMatch(_ tag: String) throws {
    let items = headers[values: .ifMatch].joined(separator: ",").split(separator: ",")
      .map { $0.trimmingCharacters(in: .whitespaces) }
    guard items.isEmpty || items.contains(where: { $0 == "*" || $0 == tag }) else {
      throw Problem(
        .preconditionFailed, "precondition_failed", "there is no version with this tag")
    }
  }
}
