import Checkpoints
import Files
import Foundation
import ParityTestSupport
import TestSupport
import Torch
import TorchSaveSupport

@testable import NSARM
@testable import PublishedCheckpoints

/// Checkpoints with the weights of the fixtures, in the layouts of published ones.
enum PublishedFixtures {
  /// The weights of a fixture with their published names.
  static func weights(_ name: String, prefix: String = "") throws -> [(String, Tensor)] {
    let source = FixtureSource(try Fixture.load(name))
    return try source.names.map { (prefix + $0, try source.tensor($0)) }
  }

  /// The transformer of NSARM with its transformation network.
  static func nsarm() throws -> [(String, Tensor)] {
    try weights("infinity_small") + weights("map8b_small", prefix: "map_transformer.")
  }

  static func tokenizer() throws -> [(String, Tensor)] { try weights("vae_small") }

  static func heads() throws -> [Int] { try Fixture.load("map8b_small").integers("heads") }

  /// Writes both as plain state dicts.
  static func writePlain(in folder: ScratchFolder) throws -> (main: String, vae: String) {
    try write(try nsarm(), to: folder("NSARM.pth"))
    try write(try tokenizer(), to: folder("vae.pth"), under: ["vae"])
    return (folder("NSARM.pth"), folder("vae.pth"))
  }

  /// Writes a file of `torch.save` with a state dict inside of dictionaries.
  static func write(
    _ tensors: [(String, Tensor)], to path: String, under groups: [String] = [],
    beside others: [(String, TorchSaveValue)] = []
  ) throws {
    var value = TorchSaveValue.tensors(tensors.map { ($0.0, TorchSaveTensor($0.1)) })
    for (index, group) in groups.reversed().enumerated() {
      value = .dictionary([(group, value)] + (index == 0 ? others : []))
    }
    try TorchSaveFile.write(value, to: path)
  }
}

extension PublishedModel {
  /// Of files as they are given to the command.
  init(_ main: [String], _ tokenizer: String, in folder: ScratchFolder) throws {
    try self.init(
      transformer: try CheckpointFiles(main).open(),
      tokenizer: try CheckpointFiles([tokenizer]).open(),
      mapHeads: try PublishedFixtures.heads())
  }

  /// Writes the model's folder.
  func write(_ path: String, _ format: WeightFormat, limit: Int = ShardPlan.standardLimit) throws {
    try ModelFolder.write(
      configuration, ShardPlan(weights.map(format.pending), limit: limit), to: path,
      provenance: ["source": "fixtures"])
  }
}

/// The message of the error that `body` throws, or nil.
func message(_ body: () throws -> Void) -> String? {
  do { try body() } catch { return "\(error)" }
  return nil
}

/// Bit patterns.
func bytes(_ tensor: Tensor) -> [UInt8] { tensor.contiguous().withBytes { Array($0) } }
