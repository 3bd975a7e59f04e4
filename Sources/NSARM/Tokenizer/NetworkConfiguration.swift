import Settings

/// The network of a model without code: one of Real-ESRGAN's.
public enum NetworkConfiguration: Codable, Equatable, Sendable {
  /// SRVGGNetCompact.
  case trunk(TrunkConfiguration)
  /// RRDBNet.
  case residualDense(ResidualDenseConfiguration)

  private enum Keys: String, CodingKey { case trunk, residualDense }

  /// Reads `{"trunk": {...}}` or `{"residualDense": {...}}`.
  public init(from decoder: any Decoder) throws {
    let form = try decoder.container(keyedBy: Keys.self)
    if form.contains(.residualDense) {
      self = .residualDense(
        try form.decode(ResidualDenseConfiguration.self, forKey: .residualDense))
    } else {
      self = .trunk(try form.decode(TrunkConfiguration.self, forKey: .trunk))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var form = encoder.container(keyedBy: Keys.self)
    switch self {
    case .trunk(let configuration): try form.encode(configuration, forKey: .trunk)
    case .residualDense(let configuration): try form.encode(configuration, forKey: .residualDense)
    }
  }

  /// A summary, such as "23 residual dense blocks of 64 channels, growth 32".
  public var title: String {
    switch self {
    case .trunk(let c): "trunk of \(c.convolutions + 2) convolutions of \(c.channels) channels"
    case .residualDense(let c):
      "\(c.blocks) residual dense blocks of \(c.channels) channels, growth \(c.growth)"
    }
  }

  func validate(_ check: SettingsCheck, scale: Int) throws {
    let codeChannels: Int
    switch self {
    case .trunk(let c):
      try c.validate(check / "trunk", scale: scale)
      codeChannels = c.codeChannels
    case .residualDense(let c):
      try c.validate(check / "residualDense", scale: scale)
      codeChannels = c.codeChannels
    }
    try check(
      "codeChannels", codeChannels == 0,
      else: "is \(codeChannels), but a model of one network has no code: 0")
  }
}

/// The shape of a `CompactSRDecoder`. The defaults are those of a published network of 0.62 M
/// parameters.
public struct TrunkConfiguration: Codable, Equatable, Sendable, SettingsSection {
  public var channels = 64
  /// 3x3 convolutions between the first and the last one.
  public var convolutions = 16
  /// The number of them before the code joins.
  public var join = 8
  /// Width of the code's branch at the latent's resolution; 0: no code.
  public var codeChannels = 64
  /// The model's scale again, as files of earlier versions say it; only compared.
  public internal(set) var scale: Int?

  public init() {}

  func validate(_ check: SettingsCheck, scale: Int) throws {
    try check("channels", channels, 1...4096)
    try check("convolutions", convolutions, 0...256)
    try check("join", join, 0...convolutions)
    try check("codeChannels", codeChannels, 0...4096)
    try check(
      "scale", self.scale == nil || self.scale == scale,
      else: "is \(self.scale ?? scale), but the model's is \(scale); leave it out")
  }
}

/// Shape of a `ResidualDenseDecoder`; the defaults are those of x4plus, of 16.7 M parameters.
public struct ResidualDenseConfiguration: Codable, Equatable, Sendable, SettingsSection {
  public var channels = 64
  /// Residual-in-residual blocks, each of three dense ones.
  public var blocks = 23
  /// Channels that each of the first four convolutions of a dense block adds.
  public var growth = 32
  /// Width of the code's branch at the latent's resolution; 0: no code.
  public var codeChannels = 64

  public init() {}

  func validate(_ check: SettingsCheck, scale: Int) throws {
    try check("channels", channels, 1...4096)
    try check("blocks", blocks, 1...256)
    try check("growth", growth, 1...4096)
    try check("codeChannels", codeChannels, 0...4096)
    try check(
      "channels", scale > 0 && scale & (scale - 1) == 0,
      else: "are of a network that enlarges by powers of two; the model's scale is \(scale)")
  }
}
