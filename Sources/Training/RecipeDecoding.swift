import Foundation
import Yams

/// Reads sections of a YAML file into `Codable` values: keys that are absent keep the values of a default
/// instance, keys that the type does not have are errors. `learning_rate` and `learningRate` are the same.
struct RecipeDecoding {
  /// The file, for messages.
  let file: String

  /// - Parameter path: where the section is in the file, such as "data", for messages.
  /// - Throws: `TrainingError.recipe` naming the key.
  func decode<Value: Codable>(_ node: Node?, path: String, defaults: Value) throws -> Value {
    guard let node, !isNull(node) else { return defaults }
    do {
      let text = try YAMLEncoder().encode(defaults)
      let base = try Yams.compose(yaml: text) ?? Node.mapping([:])
      let merged = try merge(node, into: base, Mirror(reflecting: defaults), path)
      return try YAMLDecoder().decode(Value.self, from: merged)
    } catch let error as TrainingError {
      throw error
    } catch let error as DecodingError {
      throw TrainingError.recipe(file: file, problem: describe(error, path))
    }
  }

  private func merge(_ user: Node, into base: Node, _ mirror: Mirror?, _ path: String) throws
    -> Node
  {
    guard case .mapping(let defaults) = base, mirror?.displayStyle != .dictionary else {
      return user
    }
    guard case .mapping(let given) = user else {
      throw TrainingError.recipe(
        file: file, problem: "'\(path)' has to be a section with keys below it")
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
        let names = known.map(snakeCased).sorted().joined(separator: ", ")
        throw TrainingError.recipe(
          file: file, problem: "unknown key '\(full)'; the keys here are: \(names)")
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
func flattened(_ node: Node?, _ path: String = "") -> [String: String] {
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

func isNull(_ node: Node) -> Bool {
  guard case .scalar(let scalar) = node, scalar.style == .plain || scalar.style == .any else {
    return false
  }
  return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
}

/// "learning_rate" → "learningRate".
func camelCased(_ name: String) -> String {
  let parts = name.split(separator: "_")
  guard let first = parts.first else { return name }
  return first + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
}

/// "learningRate" → "learning_rate".
func snakeCased(_ name: String) -> String {
  name.reduce(into: "") { result, letter in
    result += letter.isUppercase ? "_" + letter.lowercased() : String(letter)
  }
}

private func unwrapped(_ value: Any) -> Any {
  let mirror = Mirror(reflecting: value)
  guard mirror.displayStyle == .optional, let child = mirror.children.first else { return value }
  return child.value
}
