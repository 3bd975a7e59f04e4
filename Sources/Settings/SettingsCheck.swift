/// Checks the values of one section of settings and throws a `ConfigurationError` for the first
/// invalid one.
///
/// ```swift
/// let check = SettingsCheck() / "transformer"
/// try check("heads", heads, 1...256)  // 'transformer.heads' is 0; 1 to 256 are allowed
/// ```
public struct SettingsCheck: Sendable {
  private let path: String
  private let spelling: @Sendable (String) -> String

  /// - Parameters:
  ///   - path: the section's path in its file; empty for the file itself.
  ///   - spelling: returns the file's spelling of a property name; empty for a section that the
  ///     file omits.
  public init(_ path: String = "", spelling: @escaping @Sendable (String) -> String = { $0 }) {
    self.path = path
    self.spelling = spelling
  }

  /// The check for a section within this section.
  public static func / (check: SettingsCheck, section: String) -> SettingsCheck {
    SettingsCheck(check.key(section), spelling: check.spelling)
  }

  /// The key of property `name` in the file.
  public func key(_ name: String) -> String {
    [path, spelling(name)].filter { !$0.isEmpty }.joined(separator: ".")
  }

  /// - Throws: `ConfigurationError` where `value` is outside of `range`, or not a number.
  public func callAsFunction<Value: Comparable>(
    _ name: String, _ value: Value, _ range: ClosedRange<Value>
  ) throws {
    guard !range.contains(value) else { return }
    let (low, high) = (shortened(range.lowerBound), shortened(range.upperBound))
    throw problem(name, "is \(shortened(value)); \(low) to \(high) are allowed")
  }

  /// Checks every element of a list, and their number.
  public func callAsFunction<Value: Comparable>(
    _ name: String, _ values: [Value], _ range: ClosedRange<Value>, count: ClosedRange<Int>
  ) throws {
    guard count.contains(values.count) else {
      let expected =
        count.lowerBound == count.upperBound
        ? "\(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound)"
      throw problem(name, "has \(values.count) elements; \(expected) are allowed")
    }
    for (index, value) in values.enumerated() { try self("\(name).\(index)", value, range) }
  }

  /// - Throws: `ConfigurationError` with `problem`, where `condition` is false.
  public func callAsFunction(
    _ name: String, _ condition: Bool, else problem: @autoclosure () -> String
  ) throws {
    if !condition { throw self.problem(name, problem()) }
  }

  private func problem(_ name: String, _ problem: String) -> ConfigurationError {
    ConfigurationError(key: key(name), problem: problem)
  }

  /// 4.0 → "4".
  private func shortened<Value>(_ value: Value) -> String {
    let text = "\(value)"
    return value is Double && text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
