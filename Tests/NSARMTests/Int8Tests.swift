import Checkpoints
import Foundation
import ModelTestSupport
import Testing

@testable import NSARM
@testable import SuperResolution
@testable import Torch

/// Restoring in 8 bits, with a tiny model.
@Suite struct Int8Tests {
  private let parent = FileManager.default.temporaryDirectory
    .appendingPathComponent("nsarm-int8-\(UUID().uuidString)").path

  /// A model folder, calibrated on a test picture.
  private func calibrated() throws -> ModelFolder {
    let folder = try ModelFolder(try TinyModel.write(in: parent))
    let model = try folder.load(.float32)
    let resolver = try SuperResolver(model)
    let picture = testPicture(50, 60)
    let before = bytes(try resolver.upscaled(picture))
    let calibration = try model.calibration(pictures: 1) { _ = try resolver.upscaled(picture) }
    #expect(calibration.ranges.count > 2)
    #expect(bytes(try resolver.upscaled(picture)) == before)
    try folder.write(calibration)
    #expect(try folder.calibration() == calibration)
    return folder
  }

  @Test func picturesAreThoseOfFloat32() throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let folder = try calibrated()
    let picture = testPicture(50, 60)
    var options = SuperResolver.Options()
    options.sampling = SamplingConfiguration()
    options.sampling!.temperature = 0
    func restored(_ precision: Precision, batch: Int = 16) throws -> Tensor {
      options.batch = batch
      return try SuperResolver(folder.load(ComputePolicy(precision))).upscaled(picture, options)
    }
    let (exact, narrow) = (try restored(.float32), try restored(.int8))
    let error = (exact - narrow).square().mean().item
    let contrast = (exact - exact.mean()).square().mean().item
    #expect(error > 0 && error < 0.02 * contrast, "\(error) of \(contrast)")
    // The ranges are fixed or a row's own: what is in a batch beside a tile does not matter.
    #expect(bytes(try restored(.int8, batch: 1)) == bytes(narrow))
  }

  @Test func automaticIsInt8ForCalibratedModelsWhereThatIsFastest() throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let amx = Processor(features: ["avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"])
    let vnni = Processor(features: ["avx2", "fma", "avx512f", "avx512_vnni"])
    let bare = try ModelFolder(try TinyModel.write(in: parent))
    #expect(try bare.policy(processor: vnni).precision == .float32)
    #expect(try bare.policy(processor: amx).precision == .bfloat16)
    let folder = try calibrated()
    let policy = try folder.policy(processor: vnni)
    #expect(policy.precision == .int8 && policy.activations == .float32)
    #expect(policy.reason.contains("AVX512-VNNI"))
    #expect(try folder.policy(processor: amx).precision == .bfloat16)
    #expect(try folder.policy(.int8, processor: amx).activations == .bfloat16)
    #expect(try folder.policy(.float32, processor: vnni).precision == .float32)
    #expect(
      try folder.policy(on: Device(unchecked: "cuda"), processor: vnni).precision == .bfloat16)
    #expect(throws: TorchError.self) { try policy.forTraining() }
  }

  @Test func aCalibrationMayBeMissingButNotDamaged() throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let folder = try ModelFolder(try TinyModel.write(in: parent))
    let model = try folder.load(ComputePolicy(.int8))
    #expect(model.store.parameters.filter { $0.linearKernel is QuantizedMatrix }.count == 8)
    try Data("{".utf8).write(to: URL(fileURLWithPath: folder.calibrationPath))
    let damaged = #expect(throws: CheckpointError.self) { try folder.load(ComputePolicy(.int8)) }
    #expect("\(damaged!)".contains("is damaged"))
  }

  /// The forms in which the matrices of blocks may be stored.
  enum Storage: CaseIterable, Sendable { case bfloat16, int8, int4 }

  /// Matrices that are read again for every product give the pictures of those that are kept, from
  /// every form of storage.
  @Test(arguments: Storage.allCases) func streamedBlocksAreTheSame(_ storage: Storage) throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let folder = try ModelFolder(try TinyModel.write(in: parent))
    let file = folder.path + "/model.safetensors"
    let source = try SafetensorsFile(file)
    let parameters = try TinyModel.configuration.withoutTensors().store
    let tensors = try source.names.flatMap { name -> [(String, Tensor)] in
      let tensor = try source.tensor(name).cloned()
      let role = try #require(parameters[name]).role
      guard role.isQuantizableMatrix(tensor.shape) else { return [(name, tensor)] }
      switch storage {
      case .bfloat16: return [(name, tensor)]
      case .int8:
        let weight = Int8Weight(tensor)
        return [(name, weight.values), (scaleName(name), weight.scale)]
      case .int4:
        let weight = Int4Weight(tensor)
        return [(name, weight.values), (scaleName(name), weight.scale)]
      }
    }
    try writeSafetensors(tensors, to: file)

    let policy = try ComputePolicy(.int8)
    let picture = testPicture(20, 24)
    func restored(keeping limit: Int) throws -> [UInt8] {
      let model = try folder.load(policy, keeping: limit)
      let streamed = model.store.parameters.filter { $0.linearKernel is StreamedMatrix }
      #expect(limit == .max ? streamed.isEmpty : !streamed.isEmpty)
      if limit == 0 { #expect(streamed.count == 8) }
      return bytes(try SuperResolver(model).upscaled(picture))
    }
    let kept = try restored(keeping: .max)
    #expect(try restored(keeping: 0) == kept)
    #expect(try restored(keeping: 64 * 192 + 100) == kept)
  }

  @Test func weightsThatAreNotFiniteAreNamed() throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let folder = try ModelFolder(try TinyModel.write(in: parent))
    let file = folder.path + "/model.safetensors"
    let source = try SafetensorsFile(file)
    let tensors = try source.names.map { name in
      let tensor = try source.tensor(name).cloned()
      return (name, name.hasSuffix("1.ffn.fc1.weight") ? tensor * .nan : tensor)
    }
    try writeSafetensors(tensors, to: file)
    let error = #expect(throws: CheckpointError.self) { try folder.load(ComputePolicy(.int8)) }
    #expect("\(error!)".contains("fc1.weight' holds values that are not finite"))
  }
}
