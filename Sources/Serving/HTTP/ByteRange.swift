import Foundation
import Hummingbird

/// The range of a representation that a request asks for: RFC 9110, sections 13 and 14.
enum ByteRange: Equatable {
  case whole
  case part(Range<Int>)
  case unsatisfiable

  /// - Parameters:
  ///   - request: one with several ranges, or with units other than bytes, gets the whole.
  ///   - tag: the strong entity tag of the representation, in quotes.
  ///   - count: the length of the representation in bytes.
  init(_ request: Request, tag: String, count: Int) {
    guard request.method == .get, let text = request.headers[.range] else {
      self = .whole
      return
    }
    // A client that holds a part of another version gets the whole of this one.
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
      // A suffix range: the last n bytes.
      return last == 0 || count == 0 ? .unsatisfiable : .part(max(0, count - last)..<count)
    }
    let last = bounds[1].isEmpty ? Int.max : number(bounds[1])
    guard let last, last >= first else { return .whole }
    return first >= count ? .unsatisfiable : .part(first..<min(last, count - 1) + 1)
  }

  /// Accepts digits only; numbers beyond the largest integer become the largest one.
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
  /// Whether the client has the version with this tag (`If-None-Match`).
  func knows(_ tag: String) -> Bool {
    headers[values: .ifNoneMatch].joined(separator: ",").split(separator: ",").contains { item in
      let item = item.trimmingCharacters(in: .whitespaces)
      return item == "*" || item == tag || item == "W/" + tag
    }
  }

  /// Checks `If-Match`.
  /// - Throws: `Problem` if the client accepts only another version.
  func requireMatch(_ tag: String) throws {
    let items = headers[values: .ifMatch].joined(separator: ",").split(separator: ",")
      .map { $0.trimmingCharacters(in: .whitespaces) }
    guard items.isEmpty || items.contains(where: { $0 == "*" || $0 == tag }) else {
      throw Problem(
        .preconditionFailed, "precondition_failed", "there is no version with this tag")
    }
  }
}
