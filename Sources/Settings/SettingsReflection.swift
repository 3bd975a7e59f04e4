/// A section of settings in which every key has a default.
public protocol SettingsSection {
  init()
}

/// A section of settings whose keys differ from the names of its properties.
public protocol SettingsWithOwnKeys {
  static var keys: [String] { get }
}

/// Reflection of a settings value: the keys of a section, the allowed values of an enumeration.
public struct SettingsReflection {
  public let value: Any

  /// - Parameter value: a section, or a value in one; an absent section is replaced by its
  ///   defaults.
  public init(_ value: Any) {
    var value = value
    if let optional = value as? any AnyOptional {
      value =
        optional.content ?? (type(of: optional).wrapped as? any SettingsSection.Type)?.init()
        ?? value
    }
    self.value = value
  }

  /// The keys of a section; nil for numbers, strings, lists and dictionaries.
  public var keys: [String]? {
    if let own = value as? any SettingsWithOwnKeys { return type(of: own).keys }
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .struct, .class: return mirror.children.compactMap(\.label)
    // A case with a payload is decoded from a section whose only key is the case's name.
    case .enum where !mirror.children.isEmpty: return mirror.children.compactMap(\.label)
    default: return nil
    }
  }

  /// Whether the file may choose the keys freely.
  public var isDictionary: Bool { Mirror(reflecting: value).displayStyle == .dictionary }

  /// The value of a key.
  public subscript(key: String) -> SettingsReflection? {
    guard !(value is any SettingsWithOwnKeys) else { return nil }
    return Mirror(reflecting: value).children.first { $0.label == key }
      .map { SettingsReflection($0.value) }
  }

  /// The allowed values of an enumeration.
  public var choices: [String]? {
    let type =
      (value as? any AnyOptional).map { Swift.type(of: $0).wrapped } ?? Swift.type(of: value)
    return (type as? any CaseIterable.Type)?.words
  }
}

/// The type and the content of an optional, for reflection.
private protocol AnyOptional {
  static var wrapped: Any.Type { get }
  var content: Any? { get }
}

extension Optional: AnyOptional {
  fileprivate static var wrapped: Any.Type { Wrapped.self }
  fileprivate var content: Any? { self }
}

extension CaseIterable {
  fileprivate static var words: [String]? {
    let words = allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
    return words.isEmpty ? nil : words
  }
}
