/// A section of settings all of whose keys have defaults.
public protocol SettingsSection {
  init()
}

/// A section of settings whose keys are not the names of its properties.
public protocol SettingsWithOwnKeys {
  static var keys: [String] { get }
}

/// What the type of a value of settings tells: the keys of a section, the words that an enumeration
/// knows.
public struct SettingsReflection {
  public let value: Any

  /// - Parameter value: a section, or a value in one; in place of a section that is absent, its
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

  /// The keys of a section; nil for what is none: numbers, texts, lists and dictionaries.
  public var keys: [String]? {
    if let own = value as? any SettingsWithOwnKeys { return type(of: own).keys }
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .struct, .class: return mirror.children.compactMap(\.label)
    // A case with a payload reads as the key of its payload, and is the only one.
    case .enum where !mirror.children.isEmpty: return mirror.children.compactMap(\.label)
    default: return nil
    }
  }

  /// Whether the keys are for the file to choose.
  public var isDictionary: Bool { Mirror(reflecting: value).displayStyle == .dictionary }

  /// The value of a key.
  public subscript(key: String) -> SettingsReflection? {
    guard !(value is any SettingsWithOwnKeys) else { return nil }
    return Mirror(reflecting: value).children.first { $0.label == key }
      .map { SettingsReflection($0.value) }
  }

  /// The words that an enumeration knows.
  public var choices: [String]? {
    let type =
      (value as? any AnyOptional).map { Swift.type(of: $0).wrapped } ?? Swift.type(of: value)
    return (type as? any CaseIterable.Type)?.words
  }
}

/// What reflection needs to see of an optional.
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
