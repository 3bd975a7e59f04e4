import Foundation

extension SettingsReflection {
  /// The message for a decoding error, with the allowed values of an enumeration.
  /// - Parameters:
  ///   - example: an instance of the section that was to be decoded, for example its defaults.
  ///   - path: the section's path in the file; empty for the file itself.
  ///   - spelling: returns the file's spelling of a property name.
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
      // The decoder's message ends with the unknown value.
      let word = context.debugDescription.components(after: "invalid String value ")
      return "'\(place(context.codingPath))' is \(word.map { "'\($0)'" } ?? "unknown"); "
        + "\(enumerated(choices)) are allowed"
    @unknown default:
      return oneLine("\(error)")
    }
  }

  /// The message for a key that a section does not have.
  /// - Parameter keys: the section's keys, as the file spells them.
  public static func unknownKey(_ name: String, in path: String, keys: [String]) -> String {
    let full = path.isEmpty ? name : path + "." + name
    // A file may contain words of any length; long ones are not close to a key.
    let nearest = (name.utf8.count <= 64 ? keys : [])
      .map { ($0, editDistance(name.lowercased(), $0.lowercased())) }
      .min { ($0.1, $0.0) < ($1.1, $1.0) }
    if let nearest, nearest.1 <= 2, nearest.1 < name.count {
      return "unknown key '\(full)'; did you mean '\(nearest.0)'?"
    }
    return "unknown key '\(full)'; the keys here are: \(keys.sorted().joined(separator: ", "))"
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

/// A text on one line, shortened to 200 characters.
private func oneLine(_ text: String) -> String {
  let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
  return line.count <= 200 ? line : line.prefix(200) + "..."
}

extension String {
  /// The text after `separator`, on one line and shortened.
  fileprivate func components(after separator: String) -> String? {
    range(of: separator).map { oneLine(String(self[$0.upperBound...])) }
  }
}
