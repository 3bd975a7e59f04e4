import Foundation
import Upscaling

/// An invalid setting, in one line.
struct InvalidSetting: Error {
  let description: String
  init(_ description: String) { self.description = description }
}

/// The value of a setting: from JSON, or text from a form.
enum SettingValue: Decodable {
  case none
  case number(Double)
  case text(String)
  /// The text of a form's field, which may represent a number.
  case field(String)
  case part(RestorationSettings.Part)
  case other

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .none
    } else if (try? container.decode(Bool.self)) != nil {
      self = .other
    } else if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else if let text = try? container.decode(String.self) {
      self = .text(text)
    } else if let sides = try? container.decode([String: Int].self),
      let part = RestorationSettings.Part(sides)
    {
      self = .part(part)
    } else {
      self = .other
    }
  }

  /// A field of a form, whose value is text; empty or "null" means null.
  init(field text: String) {
    self = text.isEmpty || text == "null" ? .none : .field(text)
  }

  private var number: Double? {
    switch self {
    case .number(let number): number
    case .field(let text): Double(text)
    case .none, .text, .part, .other: nil
    }
  }

  /// The value of an option; nil: its default.
  func number(_ option: NumberOption<Double>) throws -> Double? {
    if case .none = self { return nil }
    guard let number, option.range.contains(number) else {
      throw InvalidSetting("\(option.name): must be a number from \(option.rangeText)")
    }
    return number
  }

  /// The value of an option; nil: its default.
  func integer(_ option: NumberOption<Int>) throws -> Int? {
    if case .none = self { return nil }
    guard let integer = number.flatMap(Int.init(exactly:)), option.range.contains(integer) else {
      throw InvalidSetting("\(option.name): must be a whole number from \(option.rangeText)")
    }
    return integer
  }

  func text(_ key: RestorationSettings.CodingKeys) throws -> String? {
    switch self {
    case .none: return nil
    case .text(let text), .field(let text): return text
    case .number, .part, .other: throw InvalidSetting("\(key.rawValue): must be text")
    }
  }

  func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: RestorationSettings.CodingKeys
  ) throws -> Choice? {
    switch self {
    case .none: return nil
    case .text(let text), .field(let text):
      if let choice = Choice(rawValue: text) { return choice }
    case .number, .part, .other: break
    }
    throw InvalidSetting(
      "\(key.rawValue): must be one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))"
    )
  }

  func part(_ key: RestorationSettings.CodingKeys) throws -> RestorationSettings.Part? {
    switch self {
    case .none: return nil
    case .part(let part): return part
    case .field(let text):
      let sides = text.split(separator: ",", omittingEmptySubsequences: false)
        .map { Int($0.trimmingCharacters(in: .whitespaces)) }
      if sides.count == 4, !sides.contains(nil) {
        let names = ["x", "y", "width", "height"]
        let values = Dictionary(uniqueKeysWithValues: zip(names, sides.map { $0! }))
        if let part = RestorationSettings.Part(values) { return part }
      }
    case .number, .text, .other: break
    }
    throw InvalidSetting(
      "\(key.rawValue): must be x, y, width and height, in pixels of the upright picture")
  }
}
