import Files
import Foundation
import Imaging
import Synchronization
import Torch

@testable import Training

/// A folder that is removed with this object.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/training-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  static func / (folder: TemporaryFolder, name: String) -> String { folder.path + "/" + name }
}

/// Settings for small crops, also flat ones.
func settings(_ change: (inout DataSettings) -> Void = { _ in }) -> DataSettings {
  var settings = DataSettings()
  settings.crop = 32
  settings.flatThreshold = 0
  change(&settings)
  return settings
}

/// Smooth coloured waves, different for every `kind`.
func wave(_ width: Int, _ height: Int, kind: Int) -> Image {
  var planes = FloatImage(width: width, height: height, channels: 3)
  for c in 0..<3 {
    for y in 0..<height {
      for x in 0..<width {
        let phase = Float(c + 3 * kind)
        let value = sin(Float(x) * 0.11 + phase) * cos(Float(y) * 0.09 + 2 * phase)
        planes[c, y, x] = 0.5 + 0.4 * value
      }
    }
  }
  return Image(planes)
}

/// A folder of `count` waves as PNG.
func photos(_ count: Int, width: Int = 32, height: Int = 32) throws -> TemporaryFolder {
  let folder = try TemporaryFolder()
  for kind in 0..<count {
    try wave(width, height, kind: kind).write(to: folder / "photo\(kind).png")
  }
  return folder
}

/// Collects warnings from any thread.
final class Warnings: Sendable {
  private let lines = Mutex<[String]>([])

  func callAsFunction(_ line: String) { lines.withLock { $0.append(line) } }

  var all: [String] { lines.withLock { $0 } }
}

/// Two convolutions from a quarter of the size to the full size, whose input is noisy.
final class TinyStage: TrainingStage {
  struct Failure: Error {}

  let policy: ComputePolicy
  let scale = 4
  let store: ParameterStore
  let first, second: Conv2d
  let noise: Double
  /// Throws at this update, as if the process had died.
  var failsAt: Int?
  /// An operator of this update fails, as on a device that does.
  var operatorFailsAt: Int?
  /// Changes a weight at this update, as a machine does that computes differently.
  var disturbsAt: Int?
  /// Losses from this update on are not finite.
  var divergesFrom = Int.max
  private(set) var validations = 0

  init(width: Int = 48, noise: Double = 0, policy: ComputePolicy = .float32) throws {
    self.policy = policy
    store = ParameterStore(seed: 0)
    self.noise = noise
    first = try Conv2d(3, width, store.root / "first")
    second = try Conv2d(width, 48, store.root / "second")
    let random = RandomGenerator(seed: 7)
    for parameter in store.parameters {
      parameter.value = Tensor.rand(parameter.value.shape, using: random) * 0.2 - 0.1
    }
    store.prepareForTraining()
  }

  var parameterGroups: [(name: String, parameters: [Parameter])] {
    [("generator", store.parameters)]
  }
  var averagedParameters: [Parameter] { store.parameters }

  func enlarge(_ x: Tensor) -> Tensor { second(first(x).relu()).pixelShuffled(4) }

  func objective(_ batch: TrainingBatch, step: Int, random: UpdateRandom) throws -> Objective {
    if step == failsAt { throw Failure() }
    if step == operatorFailsAt { failOperator(after: 5) }
    if step == disturbsAt {
      let weight = second.bias!.value.detached()
      weight.copyInPlace(weight + 1e-3)
    }
    return Objective(group: "generator") { [self] in
      var input = batch.lowQuality
      if noise > 0 {
        let draws = random.uniform(
          Array(input.shape.dropFirst()), .noise, samples: batch.seeds)
        input = input + (draws * 2 - 1) * noise
      }
      var loss = (enlarge(input) - (batch.teacher ?? batch.highQuality)).square().mean()
      if step >= divergesFrom { loss = loss * Double.nan }
      return .init(loss: loss, figures: ["twice": loss.item * 2])
    }
  }

  func validate(_ batch: TrainingBatch) throws -> [String: Double] {
    validations += 1
    return ["error": (enlarge(batch.lowQuality) - batch.highQuality).square().mean().item]
  }

  func preview(_ batch: TrainingBatch) throws -> [[Tensor]] {
    let prediction = enlarge(batch.lowQuality)
    return (0..<batch.count).map {
      [
        batch.lowQuality.selected(0, $0), prediction.selected(0, $0),
        batch.highQuality.selected(0, $0),
      ]
    }
  }

  func export(to folder: String, provenance: [String: String]) throws {
    try AtomicFolder.write(folder) {
      try AtomicFile.write(Data((provenance["step"] ?? "").utf8), to: $0 + "/step.txt")
    }
  }
}

/// The objects of a log.
func logLines(_ path: String) throws -> [[String: Any]] {
  try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
    try JSONSerialization.jsonObject(with: Data($0.utf8)) as! [String: Any]
  }
}

/// The loss of a parameter group at every step, as it was written.
func losses(_ run: String, of group: String = "generator") throws -> [Double] {
  try logLines(run + "/log.jsonl").map { ($0["loss"] as! [String: Double])[group]! }
}

/// A silent trainer that validates on its training data.
func trainer(
  _ stage: any TrainingStage, _ recipe: TrainingRecipe, _ photos: TemporaryFolder, _ output: String,
  stopAfter: Int = .max, acceptsChanges: Bool = false
) throws -> Trainer {
  try trainer(
    stage, recipe, [DataFolder(path: photos.path)], output, stopAfter: stopAfter,
    acceptsChanges: acceptsChanges)
}

/// A silent trainer that validates on its first folder of training data.
func trainer(
  _ stage: any TrainingStage, _ recipe: TrainingRecipe, _ folders: [DataFolder], _ output: String,
  stopAfter: Int = .max, acceptsChanges: Bool = false
) throws -> Trainer {
  let data = recipe.settings.data
  let source = try makeTrainingSource(
    folders, settings: data, scale: stage.scale, seed: recipe.settings.seed
  ) { _ in }
  let validation = try ValidationSet(folder: folders[0].path, settings: data, scale: 4) { _ in }
  let first = CheckpointFolder(run: output).steps.last ?? 0
  return try Trainer(
    stage, recipe: recipe, source: source, validation: validation, output: output,
    acceptsChanges: acceptsChanges, isSilent: true
  ) { $0 - first >= stopAfter }
}
