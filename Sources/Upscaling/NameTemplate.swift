import Foundation
import Imaging

/// The names of outputs without their extensions: text with placeholders, such as
/// "{name}-{width}x{height}".
public struct NameTemplate: Equatable, Sendable {
  /// A value that is filled in.
  public enum Placeholder: String, CaseIterable, Sendable {
    /// The input's name without its extension.
    case name
    /// The scale, to two decimals: 4, 1.5, 2.67.
    case scale
    /// The model's name.
    case model
    /// Pixels of the output.
    case width, height
    /// The page of the input, from 001; 001 where only one is written.
    case page
    /// The input's number in the run, from 1, in as many digits as the last one has.
    case index
  }

  /// The values of a picture beside its name and numbers.
  public struct Details: Sendable {
    public var scale: Double
    public var model: String
    /// Pixels of the output.
    public var width, height: Int

    public init(scale: Double = 1, model: String = "", width: Int = 0, height: Int = 0) {
      self.scale = scale
      self.model = model
      self.width = width
      self.height = height
    }
  }

  private enum Part: Equatable {
    case text(String)
    case placeholder(Placeholder)
  }

  private let parts: [Part]

  private init(parts: [Part]) { self.parts = parts }

  /// Names as they are.
  public static let name = NameTemplate(parts: [.placeholder(.name)])

  /// A text with placeholders in braces.
  ///
  /// - Throws: `NameTemplateError` where it is empty, names a folder, has an extension, or a brace
  ///   that belongs to no known placeholder.
  public init(_ text: String) throws {
    try Self.check(text)
    var parts: [Part] = []
    var rest = Substring(text)
    while let brace = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
      if brace > rest.startIndex { parts.append(.text(String(rest[..<brace]))) }
      guard rest[brace] == "{", let end = rest[brace...].firstIndex(of: "}") else {
        throw NameTemplateError.brace(text)
      }
      let word = String(rest[rest.index(after: brace)..<end])
      guard let placeholder = Placeholder(rawValue: word) else {
        throw NameTemplateError.unknown(word)
      }
      parts.append(.placeholder(placeholder))
      rest = rest[rest.index(after: end)...]
    }
    if !rest.isEmpty { parts.append(.text(String(rest))) }
    self.parts = parts
  }

  /// Names with a text after them, in which braces mean nothing.
  ///
  /// - Throws: `NameTemplateError` where it is empty, names a folder, or has an extension.
  public init(suffix: String) throws {
    try Self.check(suffix)
    parts = [.placeholder(.name), .text(suffix)]
  }

  /// The placeholders that it has.
  public var placeholders: Set<Placeholder> {
    Set(
      parts.compactMap { part in
        if case .placeholder(let placeholder) = part { placeholder } else { nil }
      })
  }

  private static func check(_ text: String) throws {
    if text.isEmpty { throw NameTemplateError.empty }
    if text.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 }) {
      throw NameTemplateError.folder(text)
    }
    if PictureFiles.isPicture("x\(text)") { throw NameTemplateError.extension(text) }
  }

  /// The name of one output.
  func text(name: String, page: String, index: String, _ details: Details) -> String {
    parts.map { part in
      switch part {
      case .text(let text): text
      case .placeholder(.name): name
      case .placeholder(.scale): Self.text(details.scale)
      case .placeholder(.model): details.model.replacingOccurrences(of: "/", with: "-")
      case .placeholder(.width): "\(details.width)"
      case .placeholder(.height): "\(details.height)"
      case .placeholder(.page): page
      case .placeholder(.index): index
      }
    }.joined()
  }

  private static func text(_ scale: Double) -> String {
    let rounded = (scale * 100).rounded() / 100
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }

  /// Whether the template can have made a name from an input's, pages included.
  ///
  /// - Parameters:
  ///   - text: the name.
  ///   - isInput: whether an input has a name.
  func canMake(_ text: String, isInput: (String) -> Bool) -> Bool {
    func matches(_ text: Substring) -> Bool {
      Self.matches(parts[...], text, name: nil) { $0 != text && isInput($0) }
    }
    if matches(Substring(text)) { return true }
    guard let page = text.firstMatch(of: #/_p\d{3,}$/#) else { return false }
    return matches(text[..<page.range.lowerBound])
  }

  /// - Parameter name: what stood for `{name}` before.
  private static func matches(
    _ parts: ArraySlice<Part>, _ text: Substring, name: String?, isInput: (String) -> Bool
  ) -> Bool {
    guard let part = parts.first else { return text.isEmpty && name != nil }
    let rest = parts.dropFirst()
    /// Any first part of the text that fits the condition, the longest first.
    func some(_ fits: (Substring) -> Bool) -> Bool {
      text.indices.reversed().contains { end in
        let piece = text[...end]
        return fits(piece)
          && matches(rest, text[text.index(after: end)...], name: name, isInput: isInput)
      }
    }
    func after(_ word: String, name: String?) -> Bool {
      text.hasPrefix(word)
        && matches(rest, text.dropFirst(word.count), name: name, isInput: isInput)
    }
    switch part {
    case .text(let word): return after(word, name: name)
    case .placeholder(.name):
      if let name { return after(name, name: name) }
      return text.indices.contains { end in
        let word = String(text[...end])
        return isInput(word) && after(word, name: word)
      }
    case .placeholder(.model): return some { _ in true }
    case .placeholder(.scale): return some { $0.allSatisfy { "0123456789.".contains($0) } }
    case .placeholder: return some { $0.allSatisfy { "0123456789".contains($0) } }
    }
  }
}

/// An error in a template, in one line.
public enum NameTemplateError: LocalizedError, CustomStringConvertible, Equatable, Sendable {
  case empty
  case folder(String)
  case `extension`(String)
  case brace(String)
  case unknown(String)

  public var description: String {
    let known = NameTemplate.Placeholder.allCases.map { "{\($0.rawValue)}" }.joined(separator: ", ")
    return switch self {
    case .empty: "is empty"
    case .folder(let text): "'\(text)' has a '/', but names no folder; leave it out"
    case .extension(let text):
      "'\(text)' ends in an extension, which the format decides; leave it out"
    case .brace(let text): "'\(text)' has a brace without its other; placeholders are \(known)"
    case .unknown(let word): "'{\(word)}' is no placeholder; there are \(known)"
    }
  }

  public var errorDescription: String? { description }
}
