import Foundation
import Settings
import Yams

/// Decodes sections of a YAML file into `Codable` values: absent keys keep the values of a default
/// instance, unknown keys are errors. `learning_rate` and `learningRate` are the same.
public struct SettingsDecoding {
  /// Makes the error to throw for a problem such as "'steps' is not a whole number".
  private let failure: (String) -> any Error

  public init(failure: @escaping (String) -> any Error) { self.failure = failure }

  /// The largest number of values in a settings file, and their greatest depth.
  private static let (maximumCount, maximumDepth) = (100_000, 32)

  /// The keys of a file.
  /// - Parameters:
  ///   - text: the file.
  ///   - example: the beginning of a valid file, for the message about a file without keys.
  ///   - mayBeEmpty: whether a file may be empty or hold comments only.
  /// - Throws: the failure where the text is not YAML or holds no keys.
  public func mapping(of text: String, example: String, mayBeEmpty: Bool = false) throws
    -> Node.Mapping
  {
    guard text.utf8.count <= SettingsFile.maximumSize else {
      throw failure(
        "has \(text.utf8.count) bytes; settings have \(SettingsFile.maximumSize) at most")
    }
    let isBlank = text.allSatisfy { $0.isWhitespace || $0 == "\u{FEFF}" }
    if mayBeEmpty, isBlank { return [:] }
    let root: Node?
    do {
      // A byte order mark is not part of the text.
      root = try Yams.compose(yaml: text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text)
    } catch {
      let reason = "\(error)".split(separator: "\n").joined(separator: " ")
      throw failure("is not valid YAML: \(reason)")
    }
    if mayBeEmpty, root.map(isNull) ?? true { return [:] }
    guard case .mapping(let mapping)? = root else {
      throw failure("holds no keys; \(example)")
    }
    // Aliases may expand a small file into an enormous one.
    var values = 0
    guard Self.isSmall(.mapping(mapping), depth: 0, &values) else {
      throw failure("holds more values, or more deeply nested ones, than settings have")
    }
    return mapping
  }

  private static func isSmall(_ node: Node, depth: Int, _ values: inout Int) -> Bool {
    values += 1
    guard values <= maximumCount, depth <= maximumDepth else { return false }
    switch node {
    case .mapping(let mapping):
      for (key, value) in mapping {
        guard isSmall(key, depth: depth + 1, &values), isSmall(value, depth: depth + 1, &values)
        else { return false }
      }
      return true
    case .sequence(let sequence):
      for element in sequence {
        guard isSmall(element, depth: depth + 1, &values) else { return false }
      }
      return true
    case .scalar, .alias: return true
    }
  }

  /// - Parameters:
  ///   - path: the section's path in the file, such as "data", for messages.
  ///   - siblings: keys of this section that are decoded elsewhere, for the list of known keys.
  /// - Throws: the failure, naming the key.
  public func decode<Value: Codable>(
    _ node: Node?, path: String, defaults: Value, siblings: [String] = []
  ) throws -> Value {
    guard let node, !isNull(node) else { return defaults }
    let merged = try merge(
      node, into: try encoded(defaults), SettingsReflection(defaults), path, siblings)
    do {
      return try YAMLDecoder().decode(Value.self, from: merged)
    } catch let error as DecodingError {
      throw failure(
        SettingsReflection.problem(error, example: defaults, path: path, spelling: snakeCased))
    } catch let error as ConfigurationError {
      // Thrown by a type that decodes itself, with its key within the section.
      throw failure("'\(path.isEmpty ? "" : path + ".")\(error.key)' \(error.problem)")
    }
  }

  private func encoded(_ value: any Encodable) throws -> Node {
    try Yams.compose(yaml: try YAMLEncoder().encode(value)) ?? Node.mapping([:])
  }

  private func merge(
    _ user: Node, into base: Node, _ section: SettingsReflection?, _ path: String,
    _ siblings: [String] = []
  ) throws -> Node {
    guard case .mapping(let defaults) = base, let section, !section.isDictionary else {
      return user
    }
    guard case .mapping(let given) = user else {
      throw failure("'\(path)' has to be a section with keys below it")
    }
    let known = section.keys ?? defaults.keys.compactMap { $0.string }
    var result = defaults
    for (key, value) in given {
      let name = key.string ?? "?"
      let full = path.isEmpty ? name : path + "." + name
      guard let property = known.first(where: { camelCased($0) == camelCased(name) }) else {
        throw failure(
          SettingsReflection.unknownKey(name, in: path, keys: (known + siblings).map(snakeCased)))
      }
      if isNull(value) {
        result[Node(property)] = nil
      } else if let (standard, shape) = try standard(property, defaults, section) {
        result[Node(property)] = try merge(value, into: standard, shape, full)
      } else {
        result[Node(property)] = value
      }
    }
    return .mapping(result)
  }

  /// The defaults of a key: those of the section's defaults or, for a section that is absent by
  /// default, its own.
  private func standard(
    _ property: String, _ defaults: Node.Mapping, _ section: SettingsReflection
  ) throws -> (Node, SettingsReflection?)? {
    let shape = section[property]
    if let node = defaults[Node(property)] { return (node, shape) }
    guard let shape, shape.keys != nil, let value = shape.value as? any Encodable else {
      return nil
    }
    return (try encoded(value), shape)
  }
}

/// The values below a node by their path, such as "width" or "blocks.0", for the comparison of two
/// sections.
public func flattened(_ node: Node?, _ path: String = "") -> [String: String] {
  guard let node, !isNull(node) else { return [:] }
  func under(_ name: String) -> String { path.isEmpty ? name : path + "." + name }
  switch node {
  case .scalar(let scalar): return [path: scalar.string]
  case .mapping(let mapping):
    return mapping.reduce(into: [:]) { result, entry in
      result.merge(flattened(entry.value, under(camelCased(entry.key.string ?? "?")))) { $1 }
    }
  case .sequence(let sequence):
    return sequence.enumerated().reduce(into: [:]) { result, entry in
      result.merge(flattened(entry.element, under(String(entry.offset)))) { $1 }
    }
  case .alias: return [:]
  }
}

public func isNull(_ node: Node) -> Bool {
  guard case .scalar(let scalar) = node, scalar.style == .plain || scalar.style == .any else {
    return false
  }
  return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
}

/// "learning_rate" → "learningRate".
public func camelCased(_ name: String) -> String {
  let parts = name.split(separator: "_")
  guard let first = parts.first else { return name }
  return first + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
}

/// "learningRate" → "learning_rate".
public func snakeCased(_ name: String) -> String {
  name.reduce(into: "") { result, letter in
    result += letter.isUppercase ? "_" + letter.lowercased() : String(letter)
  }
}
