import Foundation
import Yams

/// Reads sections of a YAML file into `Codable` values: keys that are absent keep the values of a default
/// instance, keys that the type does not have are errors. `learning_rate` and `learningRate` are the same.
public struct SettingsDecoding {
  /// The error to throw for a problem such as "'steps' is not a Int".
  private let failure: (String) -> any Error

  public init(failure: @escaping (String) -> any Error) { self.failure = failure }

  /// The keys of a file.
  /// - Parameter example: what a file without keys should begin with, for the message.
  /// - Throws: the failure where the text is no YAML or holds no keys.
  public func mapping(of text: String, example: String) throws -> Node.Mapping {
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch {
      let reason = "\(error)".split(separator: "\n").joined(separator: " ")
      throw failure("is not valid YAML: \(reason)")
    }
    guard case .mapping(let mapping)? = root else {
      throw failure("holds no keys; \(example)")
    }
    return mapping
  }

  /// - Parameters:
  ///   - path: where the section is in the file, such as "data", for messages.
  ///   - siblings: keys of this section that are read elsewhere, for the list of those that exist.
  /// - Throws: the failure, naming the key.
  public func decode<Value: Codable>(
    _ node: Node?, path: String, defaults: Value, siblings: [String] = []
  ) throws -> Value {
    guard let node, !isNull(node) else { return defaults }
    let text = try YAMLEncoder().encode(defaults)
    let base = try Yams.compose(yaml: text) ?? Node.mapping([:])
    let merged = try merge(node, into: base, Mirror(reflecting: defaults), path, siblings)
    do {
      return try YAMLDecoder().decode(Value.self, from: merged)
    } catch let error as DecodingError {
      throw failure(describe(error, path))
    }
  }

  private func merge(
    _ user: Node, into base: Node, _ mirror: Mirror?, _ path: String, _ siblings: [String] = []
  ) throws -> Node {
    guard case .mapping(let defaults) = base, mirror?.displayStyle != .dictionary else {
      return user
    }
    guard case .mapping(let given) = user else {
      throw failure("'\(path)' has to be a section with keys below it")
    }
    // Absent optionals are not in the encoded defaults, but they are properties.
    var known: [String] = defaults.keys.compactMap { $0.string }
    let usesSnakeCase = known.contains { $0.contains("_") }
    for case let label? in mirror?.children.map(\.label) ?? [] {
      let name = usesSnakeCase ? snakeCased(label) : label
      if !known.contains(where: { camelCased($0) == camelCased(name) }) { known.append(name) }
    }
    var result = defaults
    for (key, value) in given {
      let name = key.string ?? "?"
      let full = path.isEmpty ? name : path + "." + name
      guard let property = known.first(where: { camelCased($0) == camelCased(name) }) else {
        let names = (known + siblings).map(snakeCased).sorted().joined(separator: ", ")
        throw failure("unknown key '\(full)'; the keys here are: \(names)")
      }
      if isNull(value) {
        result[Node(property)] = nil
        continue
      }
      let child = mirror?.children.first { $0.label.map(camelCased) == camelCased(property) }
      let nested = child.map { Mirror(reflecting: unwrapped($0.value)) }
      if let standard = defaults[Node(property)] {
        result[Node(property)] = try merge(value, into: standard, nested, full)
      } else {
        result[Node(property)] = withCamelCasedKeys(value)
      }
    }
    return .mapping(result)
  }

  /// A section that has no default instance, with the names of the type's properties.
  private func withCamelCasedKeys(_ node: Node) -> Node {
    guard case .mapping(let mapping) = node else { return node }
    return Node(
      mapping.map { (Node(camelCased($0.key.string ?? "?")), withCamelCasedKeys($0.value)) })
  }

  private func describe(_ error: DecodingError, _ path: String) -> String {
    func place(_ context: DecodingError.Context) -> String {
      let keys = (path.isEmpty ? [] : [path]) + context.codingPath.map(\.stringValue)
      return keys.map(snakeCased).joined(separator: ".")
    }
    switch error {
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      return "'\(place(context))' is not a \(type)"
    case .dataCorrupted(let context):
      return "'\(place(context))': \(context.debugDescription)"
    case .keyNotFound(let key, let context):
      let prefix = place(context)
      return "'\(prefix.isEmpty ? "" : prefix + ".")\(snakeCased(key.stringValue))' is missing"
    @unknown default:
      return "\(error)"
    }
  }
}

/// The values below a node by their path, "width" or "blocks.0": to compare two sections.
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

private func unwrapped(_ value: Any) -> Any {
  let mirror = Mirror(reflecting: value)
  guard mirror.displayStyle == .optional, let child = mirror.children.first else { return value }
  return child.value
}
