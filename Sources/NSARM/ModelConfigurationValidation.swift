import Checkpoints
import Settings
import Torch

extension ModelConfiguration {
  /// Any configuration, by which messages about files find the types of their keys.
  static let example = ModelConfiguration(
    name: "", tokenizer: AutoencoderConfiguration(), patch: 1, schedule: [GridSize(1, 1)],
    rotaryReference: GridSize(1, 1))

  /// Checks every value by itself and with the others, so that networks can be built and run
  /// without a trap.
  /// - Parameter check: knows where the configuration stands in its file.
  /// - Throws: `ConfigurationError` for the first key that makes no sense.
  public func validate(_ check: SettingsCheck = SettingsCheck()) throws {
    try check("name", (1...256).contains(name.utf8.count), else: "has to be of 1 to 256 letters")
    try check("scale", scale, 1...16)
    if let network { return try network.validate(check / "network", scale: scale) }
    try check("patch", patch, 1...16)
    try tokenizer.validate(check / "tokenizer", scale: scale)
    try validateSchedule(check)
    try sampling.validate(
      check / "sampling", scales: schedule.count, depth: transformer?.depth)

    let pixelsPerCell = tokenizer.downsampling / scale
    let lowQuality = scaleSchedule.latent * pixelsPerCell
    try transformationNetwork?.validate(
      check / "transformationNetwork", scales: scaleSchedule.latents, lowQuality: lowQuality,
      pixelsPerCell: tokenizer.downsampling)
    try check(
      "prompt", prompt == nil || transformer?.text != nil,
      else: "is given, but the model's transformer is not conditioned on text")
    if let scales { try check("scales", scales, fewestScales...schedule.count) }
    guard let transformer else { return }
    try transformer.validate(check / "transformer")
    try check(
      "schedule", schedule[0] == GridSize(1, 1),
      else: "begins with \(schedule[0]); a transformer starts with one token, 1x1")
    try (check / "transformer")(
      "levels", transformer.levels >= schedule.count,
      else: "is \(transformer.levels), but 'schedule' has \(schedule.count) scales")
    if let picture = transformer.picture {
      try (check / "transformer" / "picture")(
        "patch", lowQuality.isMultiple(of: picture.patch),
        else: "is \(picture.patch), which does not divide low-quality tiles of \(lowQuality) pixels"
      )
    }
  }

  /// The smallest number of scales that make a picture: none where the decoder reads the
  /// low-quality one.
  package var fewestScales: Int { tokenizer.trunk != nil || tokenizer.residualDense != nil ? 0 : 1 }

  private func validateSchedule(_ check: SettingsCheck) throws {
    try check("schedule", schedule.map(\.height), 1...256, count: 1...64)
    try check("schedule", schedule.map(\.width), 1...256, count: 1...64)
    for (size, next) in zip(schedule, schedule.dropFirst()) {
      try check(
        "schedule", size.height <= next.height && size.width <= next.width,
        else: "has \(next) after \(size); scales go from coarse to fine")
    }
    try check(
      "schedule", scaleSchedule.tokenCount <= 262_144,
      else: "has \(scaleSchedule.tokenCount) tokens; 262144 are allowed")
    try check(
      "rotaryReference", [rotaryReference.height, rotaryReference.width], 1...4096, count: 2...2)
  }

  /// The number of weights of the model, counted without making them.
  /// - Throws: as `validate`.
  public func parameterCount() throws -> Int { try withoutTensors().store.count }

  /// Names and shapes of the model's parameters, in the order of the networks, without making them.
  /// - Throws: as `validate`.
  public func parameterShapes() throws -> [(name: String, shape: [Int])] {
    try withoutTensors().store.parameters.map { ($0.name, $0.value.shape) }
  }

  /// The model with parameters that have names, roles and shapes, but no values.
  /// - Throws: as `validate`.
  package func withoutTensors() throws -> Model { try Model(self, ParameterStore(NoTensors())) }
}

/// A source that has nothing, so that every parameter is a placeholder.
package struct NoTensors: TensorSource {
  package let title = "nothing"
  package let names: [String] = []

  package init() {}

  package func tensor(_ name: String) throws -> Tensor {
    throw CheckpointError(title, "has no tensors")
  }
}
