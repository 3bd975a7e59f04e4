import Foundation

extension SettingsReflection {
  /// What is wrong with a file of settings that `error` kept from being decoded, with the words
  /// that an enumeration knows.
  /// - Parameters:
  ///   - example: the section that was to be read, for example its defaults.
  ///   - path: of the section in the file; empty: the file itself.
  ///   - spelling: how the file spells the name of a property.
  public static func problem(
    _ error: DecodingError, example: Any, path: String = "",
    spelling: (String) -> String = { $0 }
  ) -> String {
    func place(_ keys: [any CodingKey]) -> String {
      ((path.isEmpty ? [] : [path]) + keys.map { spelling($0.stringValue) })
        .joined(separator: ".")
    }
    switch error {
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      if context.codingPath.isEmpty, path.isEmpty { return "holds no keys" }
      return "'\(place(context.codingPath))' is not \(words(for: type))"
    case .keyNotFound(let key, let context):
      return "'\(place(context.codingPath + [key]))' is missing"
    case .dataCorrupted(let context):
      if context.codingPath.isEmpty, path.isEmpty {
        let underlying = context.underlyingError.map { " (\(oneLine("\($0)")))" } ?? ""
        return "is damaged: \(oneLine(context.debugDescription))\(underlying)"
      }
      var value: SettingsReflection? = SettingsReflection(example)
      for key in context.codingPath { value = value?[key.stringValue] }
      guard let choices = value?.choices else {
        return "'\(place(context.codingPath))': \(oneLine(context.debugDescription))"
      }
      // The decoder's message ends with the word that the type does not know.
      let word = context.debugDescription.components(after: "invalid String value ")
      return "'\(place(context.codingPath))' is \(word.map { "'\($0)'" } ?? "unknown"); "
        + "\(enumerated(choices)) are allowed"
    @unknown default:
      return oneLine("\(error)")
    }
  }

  /// The message about a key that a section does not have.
  /// - Parameter keys: those that it has, as the file spells them.
  public static func unknownKey(_ name: String, in path: String, keys: [String]) -> String {
    let full = path.isEmpty ? name : path + "." + name
    let nearest = keys.map { ($0, distance(name.lowercased(), $0.lowercased())) }
      .min { ($0.1, $0.0) < ($1.1, $1.0) }
    if let nearest, nearest.1 <= 2, nearest.1 < name.count {
      return "unknown key '\(full)'; did you mean '\(nearest.0)'?"
    }
    return "unknown key '\(full)'; the keys here are: \(keys.sorted().joined(separator: ", "))"
  }

  /// Insertions, deletions and changes of a letter that lead from one word to the other.
  private static func distance(_ a: String, _ b: String) -> Int {
    // Longer words are of no interest, and a file may hold words of any length.
    guard a.utf8.count <= 64 else { return .max }
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let change = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(change, row[j] + 1, diagonal + 1)
      }
    }
    return row[b.count]
  }
}

/// "a, b or c".
private func enumerated(_ words: [String]) -> String {
  guard words.count > 1 else { return words.first ?? "" }
  return words.dropLast().joined(separator: ", ") + " or " + words[words.count - 1]
}

private func words(for type: Any.Type) -> String {
  switch type {
  case is Int.Type, is UInt64.Type: "a whole number"
  case is Double.Type: "a number"
  case is String.Type: "a text"
  case is Bool.Type: "true or false"
  case is any Collection.Type: "a list"
  default: "a value of the right kind"
  }
}

/// A text on one line, shortened.
private func oneLine(_ text: String) -> String {
  let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
  return line.count <= 200 ? line : line.prefix(200) + "..."
}

extension String {
  /// What follows `separator`, on one line and shortened.
  fileprivate func components(after separator: String) -> String? {
    range(of: separator).map { oneLine(String(self[$0.upperBound...])) }
  }
}
