import Upscaling

/// The response to `GET /v1/service`.
struct ServiceDescription: Encodable, Sendable {
  struct Model: Encodable, Sendable {
    let name, description: String
    let scale: Int
    let temperature: Double?
    let hasDial, hasPrompt: Bool

    init(_ entry: ModelShelf.Entry, _ models: ModelShelf) {
      (name, description) = (entry.name, entry.description)
      scale = entry.folder.configuration.scale
      (temperature, hasDial) = (entry.temperature, entry.hasDial)
      hasPrompt = models.takesPrompt(entry)
    }

    private enum Key: String, CodingKey {
      case name, description, scale, temperature, hasDial, hasPrompt
    }

    /// Encodes absent values as null.
    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Key.self)
      try container.encode(name, forKey: .name)
      try container.encode(description, forKey: .description)
      try container.encode(scale, forKey: .scale)
      try container.encode(temperature, forKey: .temperature)
      try container.encode(hasDial, forKey: .hasDial)
      try container.encode(hasPrompt, forKey: .hasPrompt)
    }
  }

  struct Limits: Encodable, Sendable {
    let bodyBytes, pixels, queue: Int
    let secondsPerPicture: Double
  }

  struct Retention: Encodable, Sendable {
    let seconds: Double
    let bytes: Int
  }

  let version: String
  /// The default model, with its scale and temperature.
  let model: String
  let scale: Int
  let temperature: Double
  let models: [Model]
  let authentication: Bool
  let formats: [String]
  let limits: Limits
  let retention: Retention
  /// The number of workers that are alive, in all processes.
  var workers = 0
  let webhooks: Bool

  init(
    version: String, models: ModelShelf, authentication: Bool, formats: [String], limits: Limits,
    retention: Retention, webhooks: Bool
  ) {
    self.version = version
    let configuration = models.standard.folder.configuration
    model = models.standard.name
    (scale, temperature) = (configuration.scale, configuration.sampling.temperature)
    self.models = models.entries.map { Model($0, models) }
    self.authentication = authentication
    self.formats = formats
    self.limits = limits
    self.retention = retention
    self.webhooks = webhooks
  }
}
