import Files
import Foundation
import Imaging
import NSARM
import Upscaling

/// The options of a restoration that a client can set.
public struct RestorationSettings: Codable, Equatable, Sendable {
  /// The name of a model; nil: the service's default.
  public var model: String?
  /// Interpolates from the model's twin, which keeps grain and softness (0), to the model (1); nil:
  /// 1.
  public var strength: Double?
  /// Pixels of the output per pixel of the input along a side, 1...8.
  public var scale = RestorationLimits.scale.standard!
  /// A size of the output from which the scale follows, one of them at most: a side in pixels, or
  /// millions of pixels.
  public var width, height, longSide: Int?
  public var megapixels: Double?
  /// τ of the sampling, 0...100: 0 is the most faithful; nil: the model's recommendation.
  public var temperature: Double?
  /// The key of the sampling noise, 0...2^53 − 1 (the integers that JavaScript represents exactly).
  public var seed = 0
  /// nil: the model's default.
  public var color: ColorMode?
  /// nil: that of the input; PNG if that format cannot be written.
  public var format: ImageFormat?
  /// Of JPEG, WebP, AVIF and JPEG XL, 1...100.
  public var quality = RestorationLimits.quality.standard!
  /// The colour behind a transparent picture, whose result then has no alpha; nil: none.
  public var background: PictureColor?
  /// The metadata to keep in the result.
  public var metadata = MetadataPolicy.keep
  /// A description of the picture, for models with a text encoder; nil: the model's own prompt.
  public var prompt: String?
  /// The number of scales to run; nil: the model's recommendation.
  public var scales: Int?
  /// The page of a file with several, from 1; nil: the main picture.
  public var page: Int?
  /// The part of the picture to restore, as a trial; nil: all of it.
  public var crop: Part?

  /// The address to notify of the end. Sent with the settings, but neither stored nor shown with
  /// them.
  var webhook: String?

  /// A rectangle of the upright input, in pixels.
  public struct Part: Codable, Equatable, Sendable {
    public let x, y, width, height: Int

    /// - Parameter sides: the four sides by name; nil is returned if they are not a rectangle.
    init?(_ sides: [String: Int]) {
      guard sides.count == 4, let x = sides["x"], let y = sides["y"], let width = sides["width"],
        let height = sides["height"], x >= 0, y >= 0, width > 0, height > 0,
        // Keeps sums of two of them from overflowing.
        [x, y, width, height].allSatisfy({ $0 < 1 << 30 })
      else { return nil }
      (self.x, self.y, self.width, self.height) = (x, y, width, height)
    }

    var rect: PixelRect { PixelRect(x: x, y: y, width: width, height: height) }
  }

  public init() {}

  enum CodingKeys: String, CodingKey, CaseIterable {
    case model, strength, scale, width, height, longSide, megapixels, temperature, seed, color
    case format, quality, background, metadata, prompt, scales, page, crop, webhook
  }

  /// The size of the output.
  var size: OutputSize {
    if let width { return .width(width) }
    if let height { return .height(height) }
    if let longSide { return .longSide(longSide) }
    return megapixels.map(OutputSize.megapixels) ?? .scale(scale)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(model, forKey: .model)
    try container.encode(strength, forKey: .strength)
    try container.encode(scale, forKey: .scale)
    try container.encode(width, forKey: .width)
    try container.encode(height, forKey: .height)
    try container.encode(longSide, forKey: .longSide)
    try container.encode(megapixels, forKey: .megapixels)
    try container.encode(temperature, forKey: .temperature)
    try container.encode(seed, forKey: .seed)
    try container.encode(color?.rawValue, forKey: .color)
    try container.encode(format?.rawValue, forKey: .format)
    try container.encode(quality, forKey: .quality)
    try container.encode(background, forKey: .background)
    try container.encode(metadata.rawValue, forKey: .metadata)
    try container.encode(prompt, forKey: .prompt)
    try container.encode(scales, forKey: .scales)
    try container.encode(page, forKey: .page)
    try container.encode(crop, forKey: .crop)
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
    // Orders of earlier versions lack these.
    background = try container.decodeIfPresent(PictureColor.self, forKey: .background)
    metadata =
      try container.decodeIfPresent(String.self, forKey: .metadata)
      .flatMap(MetadataPolicy.init(rawValue:)) ?? .keep
    width = try container.decodeIfPresent(Int.self, forKey: .width)
    height = try container.decodeIfPresent(Int.self, forKey: .height)
    longSide = try container.decodeIfPresent(Int.self, forKey: .longSide)
    megapixels = try container.decodeIfPresent(Double.self, forKey: .megapixels)
    prompt = try container.decodeIfPresent(String.self, forKey: .prompt)
    scales = try container.decodeIfPresent(Int.self, forKey: .scales)
    page = try container.decodeIfPresent(Int.self, forKey: .page)
    crop = try container.decodeIfPresent(Part.self, forKey: .crop)
  }

  /// Sets an option by its name to a number, a text or null, as the client sent it.
  /// - Throws: `InvalidSetting`.
  mutating func set(_ name: String, _ value: SettingValue) throws {
    guard let key = CodingKeys(rawValue: name) else {
      throw InvalidSetting(
        "there is no setting '\(oneLine(String(name.prefix(40))))'; the settings are "
          + CodingKeys.allCases.map(\.rawValue).joined(separator: ", "))
    }
    switch key {
    case .model: model = try value.text(key)
    case .strength: strength = try value.number(RestorationLimits.strength)
    case .scale: scale = try value.number(RestorationLimits.scale) ?? Self.standardScale
    case .width: width = try value.integer(RestorationLimits.width)
    case .height: height = try value.integer(RestorationLimits.height)
    case .longSide: longSide = try value.integer(RestorationLimits.longSide)
    case .megapixels: megapixels = try value.number(RestorationLimits.megapixels)
    case .temperature: temperature = try value.number(RestorationLimits.temperature)
    case .seed: seed = try value.integer(Self.seeds) ?? 0
    case .quality: quality = try value.integer(RestorationLimits.quality) ?? Self.standardQuality
    case .color: color = try value.choice(key)
    case .metadata: metadata = try value.choice(key) ?? .keep
    case .prompt:
      prompt = try value.text(key).flatMap { text in
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        let limit = RestorationLimits.prompt.range.upperBound
        guard text.count <= limit else {
          throw InvalidSetting("prompt: must have at most \(limit) characters")
        }
        return text.isEmpty ? nil : text
      }
    case .scales: scales = try value.integer(RestorationLimits.scales)
    case .page: page = try value.integer(RestorationLimits.page)
    case .crop: crop = try value.part(key)
    case .webhook: webhook = try value.text(key)
    case .background:
      background = try value.text(key).map { text in
        guard let color = PictureColor(text) else {
          throw InvalidSetting("background: must be a colour such as white or #rrggbb")
        }
        return color
      }
    case .format:
      format = try value.choice(key)
      if let format, !format.isWritable {
        throw InvalidSetting("format: \(format.name) cannot be written by this service")
      }
    }
  }

  private static let standardScale = RestorationLimits.scale.standard!
  private static let standardQuality = RestorationLimits.quality.standard!
  /// Whole numbers that JavaScript's numbers hold exactly.
  static let seeds = NumberOption("seed", 0...(1 << 53 - 1), default: 0)

  /// Checks the settings against each other and against their model.
  /// - Throws: `InvalidSetting`, `ModelShelfError`.
  func check(_ models: ModelShelf) throws {
    let model = try models.entry(model, strength: strength ?? 1)
    let sizes: [(String, Bool)] = [
      ("width", width != nil), ("height", height != nil), ("longSide", longSide != nil),
      ("megapixels", megapixels != nil), ("scale", scale != Self.standardScale),
    ]
    let given = sizes.filter(\.1).map(\.0)
    if given.count > 1 { throw InvalidSetting("\(given[1]): cannot be combined with \(given[0])") }
    if let scales {
      guard let possible = model.scaleCounts else {
        throw InvalidSetting("scales: model '\(model.name)' has no scales")
      }
      guard possible.contains(scales) else {
        throw InvalidSetting(
          "scales: model '\(model.name)' runs \(possible.lowerBound) to \(possible.upperBound)")
      }
    }
    if prompt != nil, !models.takesPrompt(model) {
      throw InvalidSetting("prompt: model '\(model.name)' does not take a prompt")
    }
  }

  /// The options for reading the input.
  func reading(_ limits: ReadOptions) -> ReadOptions {
    var options = limits
    options.page = page.map { $0 - 1 }
    options.part = crop?.rect
    return options
  }

  /// - Parameters:
  ///   - configuration: the model's configuration.
  ///   - limits: the service's limits for reading.
  ///   - text: the features of the prompt.
  func options(
    _ configuration: ModelConfiguration, _ limits: ReadOptions, text: TextFeatures? = nil
  ) -> PhotoUpscaler.Options {
    var options = PhotoUpscaler.Options()
    options.size = size
    options.color = color
    options.encoding = EncodingOptions(quality: quality)
    options.background = background
    options.metadata = metadata
    options.reading = reading(limits)
    options.resolver.acceleration.scales = scales
    options.resolver.text = text
    options.resolver.seed = UInt64(seed)
    var sampling = configuration.sampling
    sampling.temperature = temperature ?? sampling.temperature
    options.resolver.sampling = sampling
    return options
  }
}
