import Files
import Imaging
import NSARM
import Upscaling

/// What a client asks for: the options of a restoration.
public struct RestorationSettings: Codable, Equatable, Sendable {
  /// The name of a model; nil: the service's default.
  public var model: String?
  /// 0...1: from a model's twin, which keeps grain and softness, to the model; nil: 1.
  public var strength: Double?
  /// Pixels of the output per pixel of the input along a side, 1...8.
  public var scale = 4.0
  /// τ of the sampling, 0...100: 0 is the most faithful; nil: as the model recommends.
  public var temperature: Double?
  /// Key of the sampling noise, 0...2^53 − 1 (what JavaScript's numbers hold exactly).
  public var seed = 0
  /// nil: what suits the model.
  public var color: ColorMode?
  /// nil: that of the input; PNG where that cannot be written.
  public var format: ImageFormat?
  /// Of JPEG, WebP, AVIF and JPEG XL, 1...100.
  public var quality = 92
  /// The colour behind a transparent picture, whose result then has no alpha; nil: none.
  public var background: PictureColor?
  /// Which metadata the result gets.
  public var metadata = MetadataPolicy.keep

  public init() {}

  enum CodingKeys: String, CodingKey, CaseIterable {
    case model, strength, scale, temperature, seed, color, format, quality, background, metadata
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(model, forKey: .model)
    try container.encode(strength, forKey: .strength)
    try container.encode(scale, forKey: .scale)
    try container.encode(temperature, forKey: .temperature)
    try container.encode(seed, forKey: .seed)
    try container.encode(color?.rawValue, forKey: .color)
    try container.encode(format?.rawValue, forKey: .format)
    try container.encode(quality, forKey: .quality)
    try container.encode(background, forKey: .background)
    try container.encode(metadata.rawValue, forKey: .metadata)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    model = try container.decodeIfPresent(String.self, forKey: .model)
    strength = try container.decodeIfPresent(Double.self, forKey: .strength)
    scale = try container.decode(Double.self, forKey: .scale)
    temperature = try container.decodeIfPresent(Double.self, forKey: .temperature)
    seed = try container.decode(Int.self, forKey: .seed)
    color = try container.decodeIfPresent(String.self, forKey: .color).flatMap(ColorMode.init)
    format = try container.decodeIfPresent(String.self, forKey: .format)
      .flatMap(ImageFormat.init(rawValue:))
    quality = try container.decode(Int.self, forKey: .quality)
    // Orders of earlier versions have neither.
    background = try container.decodeIfPresent(PictureColor.self, forKey: .background)
    metadata =
      try container.decodeIfPresent(String.self, forKey: .metadata)
      .flatMap(MetadataPolicy.init(rawValue:)) ?? .keep
  }

  /// Sets an option by its name from what a client has sent: a number, a text or nothing.
  /// - Throws: `InvalidSetting`.
  mutating func set(_ name: String, _ value: SettingValue) throws {
    guard let key = CodingKeys(rawValue: name) else {
      throw InvalidSetting(
        "no setting '\(oneLine(String(name.prefix(40))))'; there are "
          + CodingKeys.allCases.map(\.rawValue).joined(separator: ", "))
    }
    switch key {
    case .model: model = try value.text(key)
    case .strength: strength = try value.number(key, 0...1)
    case .scale: scale = try value.number(key, 1...8) ?? 4
    case .temperature: temperature = try value.number(key, 0...100)
    case .seed: seed = try value.integer(key, 0...(1 << 53 - 1)) ?? 0
    case .quality: quality = try value.integer(key, 1...100) ?? 92
    case .color: color = try value.choice(key)
    case .metadata: metadata = try value.choice(key) ?? .keep
    case .background:
      background = try value.text(key).map { text in
        guard let color = PictureColor(text) else {
          throw InvalidSetting("background: a colour is a name such as white, or #rrggbb")
        }
        return color
      }
    case .format:
      format = try value.choice(key)
      if let format, !format.isWritable {
        throw InvalidSetting("format: \(format.name) cannot be written here")
      }
    }
  }

  func options(_ configuration: ModelConfiguration, _ reading: ReadOptions)
    -> PhotoUpscaler.Options
  {
    var options = PhotoUpscaler.Options()
    options.scale = scale
    options.color = color
    options.encoding = EncodingOptions(quality: quality)
    options.background = background
    options.metadata = metadata
    options.reading = reading
    options.resolver.seed = UInt64(seed)
    var sampling = configuration.sampling
    sampling.temperature = temperature ?? sampling.temperature
    options.resolver.sampling = sampling
    return options
  }
}

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
    case .none, .text, .other: nil
    }
  }

  fileprivate func number(_ key: RestorationSettings.CodingKeys, _ range: ClosedRange<Double>)
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

  fileprivate func integer(_ key: RestorationSettings.CodingKeys, _ range: ClosedRange<Int>)
    throws -> Int?
  {
    if case .none = self { return nil }
    guard let integer = number.flatMap(Int.init(exactly:)), range.contains(integer) else {
      throw InvalidSetting(
        "\(key.rawValue): a whole number from \(range.lowerBound) to \(range.upperBound) is wanted")
    }
    return integer
  }

  fileprivate func text(_ key: RestorationSettings.CodingKeys) throws -> String? {
    switch self {
    case .none: return nil
    case .text(let text), .field(let text): return text
    case .number, .other: throw InvalidSetting("\(key.rawValue): a text is wanted")
    }
  }

  fileprivate func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: RestorationSettings.CodingKeys
  ) throws -> Choice? {
    switch self {
    case .none: return nil
    case .text(let text), .field(let text):
      if let choice = Choice(rawValue: text) { return choice }
    case .number, .other: break
    }
    throw InvalidSetting(
      "\(key.rawValue): one of \(Choice.allCases.map(\.rawValue).joined(separator: ", ")) is wanted"
    )
  }
}
