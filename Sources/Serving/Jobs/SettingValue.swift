import Foundation

/// What is wrong with a setting, in one line.
struct InvalidSetting: Error {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A setting as it comes: from JSON, or as text from a form.
enum SettingValue: Decodable {
  case none
  case number(Double)
  case text(String)
  /// A field of a form, which may stand for a number as well.
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

  /// A field of a form, where all is text; empty or "null" stands for nothing.
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

  func number(_ key: RestorationSettings.CodingKeys, _ range: ClosedRange<Double>)
    throws -> Double?
  {
    if case .none = self { return nil }
    guard let number, range.contains(number) else {
      throw InvalidSetting(
        "\(key.rawValue): a number from \(Int(range.lowerBound)) to \(Int(range.upperBound)) is wanted"
      )
    }
    return number
  }

  func integer(_ key: RestorationSettings.CodingKeys, _ range: ClosedRange<Int>)
    throws -> Int?
  {
    if case .none = self { return nil }
    guard let integer = number.flatMap(Int.init(exactly:)), range.contains(integer) else {
      throw InvalidSetting(
        "\(key.rawValue): a whole number from \(range.lowerBound) to \(range.upperBound) is wanted")
    }
    return integer
  }

  func text(_ key: RestorationSettings.CodingKeys) throws -> String? {
    switch self {
    case .none: return nil
    case .text(let text), .field(let text): return text
    case .number, .part, .other: throw InvalidSetting("\(key.rawValue): a text is wanted")
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
      "\(key.rawValue): one of \(Choice.allCases.map(\.rawValue).joined(separator: ", ")) is wanted"
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
      "\(key.rawValue): x, y, width and height are wanted, in pixels of the upright picture")
  }
}
