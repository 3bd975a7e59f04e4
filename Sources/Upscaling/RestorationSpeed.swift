import Files
import Foundation
import NSARM
import SuperResolution
import Torch

/// The time that a model takes on this machine: measured once, with a small picture, and kept in
/// the user's cache.
public struct RestorationSpeed: Sendable {
  /// For a picture of a megapixel.
  public let seconds: Double
  /// Whether it has been measured just now.
  public let isNew: Bool

  /// - Parameters:
  ///   - plan: the model.
  ///   - measuresAnew: whether an earlier measurement does not count, since the machine may have
  ///     been busy.
  /// - Throws: as `ModelLoader.Plan.resolver` does; `TorchError` where memory is lacking.
  public init(_ plan: ModelLoader.Plan, measuresAnew: Bool = false) throws {
    let key = try Self.key(plan.folder, plan.policy)
    if !measuresAnew, let kept = Self.kept()[key], kept.isFinite, kept > 0 {
      (seconds, isNew) = (kept, false)
      return
    }
    seconds = try Self.measured(plan.resolver())
    isNew = true
    var all = Self.kept()
    all[key] = seconds
    Self.keep(all)
  }

  /// The second of two restorations of a small picture; a larger one takes as many times as long as
  /// it has operations.
  private static func measured(_ resolver: SuperResolver) throws -> Double {
    let side = 96
    let picture = Tensor.rand([3, side, side], using: RandomGenerator(seed: 1)) * 2 - 1
    _ = try resolver.upscaled(picture)
    let start = ContinuousClock.now
    _ = try resolver.upscaled(picture)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let small = try resolver.operationCount(width: side, height: side).total
    let large = try resolver.operationCount(width: 1000, height: 1000).total
    return seconds * large / small
  }

  // MARK: Kept for later

  /// Everything that the time depends on.
  private static func key(_ folder: ModelFolder, _ policy: ComputePolicy) throws -> String {
    let weights = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      .filter { $0.hasSuffix(".safetensors") }
      .map { name in
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/\(name)")
        return "\(attributes[.size] ?? 0) \(attributes[.modificationDate] ?? "")"
      }
    return
      ([folder.configuration.name] + weights + [
        policy.title, Processor.current.name, "\(TorchRuntime.threadCount) threads",
        TorchRuntime.version,
      ]).joined(separator: ", ")
  }

  private static var path: String? { UserFolder.cache.path().map { $0 + "/nsarm/speed.json" } }

  private static func kept() -> [String: Double] {
    guard let path, let data = FileManager.default.contents(atPath: path) else { return [:] }
    return (try? JSONDecoder().decode([String: Double].self, from: data)) ?? [:]
  }

  /// A time that cannot be kept is measured again next time.
  private static func keep(_ all: [String: Double]) {
    guard let path else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    guard let data = try? encoder.encode(all) else { return }
    try? createFolder(parentFolder(of: path))
    try? AtomicFile.write(data, to: path)
  }
}
