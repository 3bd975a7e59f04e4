import Foundation

/// Reads a JSON file of settings that has to say everything: what is missing, of another type or unknown is an
/// error.
public enum SettingsJSON {
  /// - Parameter example: a value of the type, with which messages are found.
  /// - Throws: `SettingsProblem`, without the file's name.
  public static func decode<Value: Decodable>(_ data: Data, example: Value) throws -> Value {
    let value: Value
    do {
      value = try JSONDecoder().decode(Value.self, from: data)
    } catch let error as DecodingError {
      throw SettingsProblem(SettingsReflection.problem(error, example: example))
    }
    if let problem = unknownKey(
      try JSONSerialization.jsonObject(with: data), SettingsReflection(value), "")
    {
      throw SettingsProblem(problem)
    }
    return value
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
