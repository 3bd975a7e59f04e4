import Foundation

/// Reads a JSON file of settings that has to say everything: what is missing, of another type or
/// unknown is an error.
public enum SettingsJSON {
  /// - Parameter example: a value of the type, with which messages are found.
  /// - Throws: `SettingsProblem`, without the file's name.
  public static func decode<Value: Decodable>(_ data: Data, example: Value) throws -> Value {
    let value: Value
    do {
      value = try JSONDecoder().decode(Value.self, from: data)
    } catch let error as DecodingError {
      // The decoder does not say where a number is that fits no type.
      if case .dataCorrupted(let context) = error, context.codingPath.isEmpty,
        let json = try? JSONSerialization.jsonObject(with: data), let key = hugeNumber(json, "")
      {
        throw SettingsProblem("'\(key)' is a number out of range")
      }
      throw SettingsProblem(SettingsReflection.problem(error, example: example))
    }
    // Stricter than the decoder, which lets some control characters in texts pass.
    guard let json = try? JSONSerialization.jsonObject(with: data) else {
      throw SettingsProblem("is damaged: it is no valid JSON")
    }
    if let problem = unknownKey(json, SettingsReflection(value), "") {
      throw SettingsProblem(problem)
    }
    return value
  }

  /// The place of a number beyond all integers.
  private static func hugeNumber(_ json: Any, _ path: String) -> String? {
    func under(_ name: String) -> String { path.isEmpty ? name : path + "." + name }
    switch json {
    case let object as [String: Any]:
      return object.sorted { $0.key < $1.key }.lazy
        .compactMap { hugeNumber($0.value, under($0.key)) }.first
    case let list as [Any]:
      return list.enumerated().lazy.compactMap { hugeNumber($0.element, under("\($0.offset)")) }
        .first
    case let number as NSNumber: return abs(number.doubleValue) >= 0x1p63 ? path : nil
    default: return nil
    }
  }

  private static func unknownKey(
    _ json: Any, _ value: SettingsReflection, _ path: String
  ) -> String? {
    guard let object = json as? [String: Any], !value.isDictionary, let keys = value.keys else {
      return nil
    }
    for (name, child) in object.sorted(by: { $0.key < $1.key }) {
      guard keys.contains(name) else {
        return SettingsReflection.unknownKey(name, in: path, keys: keys)
      }
      let full = path.isEmpty ? name : path + "." + name
      if let property = value[name], let problem = unknownKey(child, property, full) {
        return problem
      }
    }
    return nil
  }
}
