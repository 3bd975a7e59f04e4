import Upscaling

/// What `GET /v1/service` tells.
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

    /// What is absent is null.
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
  /// The model for pictures that name none, and what it is like.
  let model: String
  let scale: Int
  let temperature: Double
  let models: [Model]
  let authentication: Bool
  let formats: [String]
  let limits: Limits
  let retention: Retention
  /// Those that are alive, of all processes.
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
