import Foundation

/// Reads a JSON settings file that has to be complete: missing keys, unknown keys and values of
/// another type are errors.
public enum SettingsJSON {
  /// - Parameter example: a value of the type, from which messages list keys and choices.
  /// - Throws: `SettingsProblem`, without the file's name.
  public static func decode<Value: Decodable>(_ data: Data, example: Value) throws -> Value {
    let value: Value
    do {
      value = try JSONDecoder().decode(Value.self, from: data)
    } catch let error as DecodingError {
      // The decoder does not report the place of a number that fits no type.
      if case .dataCorrupted(let context) = error, context.codingPath.isEmpty,
        let json = try? JSONSerialization.jsonObject(with: data), let key = hugeNumber(json, "")
      {
        throw SettingsProblem("'\(key)' is a number out of range")
      }
      throw SettingsProblem(SettingsReflection.problem(error, example: example))
    }
    // Stricter than the decoder, which accepts some control characters in strings.
    guard let json = try? JSONSerialization.jsonObject(with: data) else {
      throw SettingsProblem("is damaged: it is not valid JSON")
    }
    if let problem = unknownKey(json, SettingsReflection(value), "") {
      throw SettingsProblem(problem)
    }
    return value
  }

  /// The key of a number beyond the range of all integers.
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
