import Checkpoints
import Foundation
import ModelTestSupport
import Settings
import TestSupport
import Testing
import Torch

@testable import NSARM
@testable import SuperResolution

@Suite struct ModelConfigurationTests {
  private func problem(_ change: (inout ModelConfiguration) -> Void) -> String {
    var configuration = TinyModel.configuration
    change(&configuration)
    do {
      try configuration.validate()
      return ""
    } catch { return "\(error)" }
  }

  @Test func valuesByThemselves() {
    #expect(problem { _ in } == "")
    let cases: [((inout ModelConfiguration) -> Void, String)] = [
      ({ $0.scale = 0 }, "'scale' is 0; 1 to 16 are allowed"),
      ({ $0.patch = 0 }, "'patch' is 0"),
      ({ $0.schedule = [] }, "'schedule' has 0 elements"),
      ({ $0.schedule = [GridSize(1, 1), GridSize(-2, 2)] }, "'schedule.1' is -2"),
      ({ $0.schedule[4] = GridSize(8, 1_000_000_000) }, "'schedule.4' is 1000000000"),
      ({ $0.schedule[2] = GridSize(8, 8) }, "'schedule' has 6x6 after 8x8"),
      ({ $0.rotaryReference = GridSize(0, 8) }, "'rotaryReference.0' is 0"),
      ({ $0.tokenizer.latentChannels = 1 << 33 }, "'tokenizer.latentChannels' is 8589934592"),
      ({ $0.tokenizer.stemPatch = 0 }, "'tokenizer.stemPatch' is 0"),
      ({ $0.tokenizer.residualBlocks = -1 }, "'tokenizer.residualBlocks' is -1"),
      ({ $0.tokenizer.channelMultipliers = [] }, "'tokenizer.channelMultipliers' has 0"),
      ({ $0.tokenizer.trunk!.convolutions = -1 }, "'tokenizer.trunk.convolutions' is -1"),
      ({ $0.tokenizer.trunk!.join = 3 }, "'tokenizer.trunk.join' is 3; 0 to 2"),
      ({ $0.tokenizer.trunk!.scale = 2 }, "'tokenizer.trunk.scale' is 2, but the model's is 4"),
      ({ $0.transformer!.heads = 0 }, "'transformer.heads' is 0; 1 to 256 are allowed"),
      ({ $0.transformer!.depth = -1 }, "'transformer.depth' is -1"),
      ({ $0.transformer!.depth = 1_000_000_000 }, "'transformer.depth' is 1000000000; 1 to 512"),
      ({ $0.transformer!.feedForwardRatio = .nan }, "'transformer.feedForwardRatio' is nan"),
      ({ $0.transformer!.blocksPerChunk = 0 }, "'transformer.blocksPerChunk' is 0"),
      ({ $0.transformer!.picture!.patch = 0 }, "'transformer.picture.patch' is 0"),
      ({ $0.scales = 6 }, "'scales' is 6; 0 to 5"),
      ({ $0.scales = -1 }, "'scales' is -1; 0 to 5"),
      ({ $0.sampling.temperature = -1 }, "'sampling.temperature' is -1"),
      ({ $0.sampling.temperature = .infinity }, "'sampling.temperature' is inf"),
      ({ $0.sampling.topP = 2 }, "'sampling.topP' is 2; 0 to 1"),
      ({ $0.sampling.guidance = Guidance(.nan) }, "'sampling.guidance' is nan"),
      ({ $0.sampling.guidance = Guidance([1, 2]) }, "'sampling.guidance' has 2 numbers"),
      ({ $0.sampling.guidance = Guidance([1, 1, 1, 1, -1]) }, "'sampling.guidance.4' is -1"),
      ({ $0.sampling.guidanceLayer = 1 }, "'sampling.guidanceLayer' is 1; -1 to 0"),
      ({ $0.prompt = "a cat" }, "'prompt' is given, but the model's transformer"),
    ]
    for (change, expected) in cases {
      #expect(problem(change).hasPrefix(expected), "\(problem(change))")
    }
  }

  @Test func valuesWithEachOther() {
    let cases: [((inout ModelConfiguration) -> Void, String)] = [
      ({ $0.scale = 3 }, "'tokenizer.downsampling' is 8; cells have to be whole pixels"),
      ({ $0.tokenizer.stemPatch = 1 }, "'tokenizer.channelMultipliers' has 2 levels"),
      ({ $0.tokenizer.stemPatch = 16 }, "'tokenizer.stemPatch' is 16"),
      ({ $0.tokenizer.normalization = .group }, "'tokenizer.baseChannels' makes levels of 16"),
      ({ $0.transformer!.width = 66 }, "'transformer.width' is 66, which does not divide"),
      ({ $0.transformer!.levels = 4 }, "'transformer.levels' is 4, but 'schedule' has 5"),
      ({ $0.transformer!.picture!.patch = 5 }, "'transformer.picture.patch' is 5, which does not"),
      ({ $0.transformer!.picture = nil }, "'transformer.picture' is missing"),
      ({ $0.schedule[0] = GridSize(2, 2) }, "'transformationNetwork.convolutional.scales'"),
      (
        {
          $0.transformationNetwork = nil
          $0.schedule[0] = GridSize(2, 2)
        }, "'schedule' begins with 2x2"
      ),
      (
        {
          $0.transformationNetwork = .convolutional(
            .init(channels: 1, blocks: 1, patch: 5, scales: [2]))
        },
        "'transformationNetwork.convolutional.patch' is 5"
      ),
      (
        { $0.transformationNetwork = .published(.init()) },
        "'transformationNetwork.published.scales' is [2, 4, 8, 12, 16, 24, 32]"
      ),
    ]
    for (change, expected) in cases {
      #expect(problem(change).hasPrefix(expected), "\(problem(change))")
    }
  }

  @Test func parametersAreCountedWithoutMakingThem() throws {
    #expect(try TinyModel.configuration.parameterCount() == TinyModel.make().store.count)
    var giant = TinyModel.configuration
    giant.transformer!.width = 65536
    giant.transformer!.heads = 256
    giant.transformer!.depth = 512
    #expect(try giant.parameterCount() > 1 << 40)
  }

  /// Heads of the pool over text features have 128 channels, above a width of 4096 64.
  @Test(arguments: [(4096, 16), (4160, 32)]) func headsOfTheTextPool(_ width: Int, _ heads: Int)
    throws
  {
    var wide = TinyModel.textConfiguration
    wide.transformer!.width = width
    wide.transformer!.text!.channels = 2048
    let shapes = try wide.parameterShapes()
    let pool = try #require(shapes.first { $0.name.hasSuffix("text_proj_for_sos.ca.mat_q") })
    #expect(pool.shape == [1, heads, width / heads])
  }

  /// A folder with the tiny model's weights and another configuration.
  private func folder(_ scratch: ScratchFolder, _ change: (inout [String: Any]) -> Void) throws
    -> String
  {
    let path = try TinyModel.write(in: scratch.path)
    let url = URL(fileURLWithPath: path + "/config.json")
    var object = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as! [String: Any]
    change(&object)
    try JSONSerialization.data(withJSONObject: object).write(to: url)
    return path
  }

  private func message(_ body: () throws -> some Any) -> String {
    do {
      _ = try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test func foldersNameFileAndKey() throws {
    let scratch = try ScratchFolder()
    let unknown = try folder(scratch) { $0["contextResizer"] = "area" }
    #expect(
      message { try ModelFolder(unknown) }
        == "\(unknown)/config.json: unknown key 'contextResizer'; did you mean 'contextResize'?")
    let word = try folder(scratch) { $0["contextResize"] = "cubic" }
    #expect(
      message { try ModelFolder(word) }
        == "\(word)/config.json: 'contextResize' is 'cubic'; area, bilinear, bicubic, bicubic_antialiased or "
        + "nearest are allowed")
    let range = try folder(scratch) {
      var tokenizer = $0["tokenizer"] as! [String: Any]
      tokenizer["latentChannels"] = 8_589_934_592
      $0["tokenizer"] = tokenizer
    }
    #expect(
      message { try ModelFolder(range) }
        == "\(range)/config.json: 'tokenizer.latentChannels' is 8589934592; 1 to 256 are allowed")
    let earlier = try folder(scratch) {
      var tokenizer = $0["tokenizer"] as! [String: Any]
      var trunk = tokenizer["trunk"] as! [String: Any]
      trunk["scale"] = 4
      tokenizer["trunk"] = trunk
      $0["tokenizer"] = tokenizer
    }
    #expect(message { try ModelFolder(earlier).load(.float32) } == "")
  }

  /// Terabytes that the configuration asks for and the file does not have.
  @Test func shapesAreComparedBeforeAnythingIsMade() throws {
    let scratch = try ScratchFolder()
    let giant = try folder(scratch) {
      var transformer = $0["transformer"] as! [String: Any]
      (transformer["width"], transformer["heads"], transformer["depth"]) = (65536, 256, 512)
      $0["transformer"] = transformer
    }
    let error = #expect(throws: ParameterMismatch.self) { try ModelFolder(giant).load(.float32) }
    #expect("\(error!)".contains("has shape [64, 32], expected [65536, 32]"), "\(error!)")
  }

  /// Mutants of a configuration: an error that names the file, or a model that can be run.
  @Test func mutants() throws {
    let scratch = try ScratchFolder()
    let path = try TinyModel.write(in: scratch.path)
    let file = path + "/config.json"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    var mutator = Mutator(seed: 1)
    var (accepted, run) = (0, 0)
    for _ in 0..<Mutator.count(500) {
      let mutant = mutator.mutant(of: text)
      try Data(mutant.utf8).write(to: URL(fileURLWithPath: file))
      do {
        let folder = try ModelFolder(path)
        accepted += 1
        let model = try folder.load(.float32)
        guard folder.configuration.scaleSchedule.tokenCount <= 200, run < Mutator.count(40) else {
          continue
        }
        run += 1
        let side = 8 * folder.configuration.scale
        #expect(
          try SuperResolver(model).upscaled(.zeros([3, 8, 8])).shape == [3, side, side], "\(mutant)"
        )
      } catch let error as CheckpointError {
        #expect(error.file == file && !error.reason.contains("\n"), "\(error)")
      } catch let error as ParameterMismatch {
        #expect(error.source == folderWeights(path))
      } catch let error as SuperResolutionError {
        #expect(error.description.contains("has no transformer"), "\(error)")
      }
    }
    #expect(accepted > 10 && run > 5, "\(accepted) accepted, \(run) run")
  }

  private func folderWeights(_ path: String) -> String { path + "/model.safetensors" }
}
