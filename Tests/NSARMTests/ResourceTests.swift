import Foundation
import ModelTestSupport
import Testing
import Torch

@testable import NSARM
@testable import SuperResolution

/// Whatever operator fails, a picture ends in an error, and the next one comes out as it should.
@Suite struct ResourceTests {
  /// Every which operator fails: all of them take minutes.
  private static let stride =
    ProcessInfo.processInfo.environment["NSARM_SLOW_TESTS"] == nil ? 61 : 1

  @Test(arguments: [Precision.float32, .bfloat16, .int8])
  func anyOperatorOfARestorationMayFail(_ precision: Precision) throws {
    let folder = NSTemporaryDirectory() + "/nsarm-resources-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = try TinyModel.write(in: folder)
    let policy = try ComputePolicy(precision)
    let picture = Tensor.rand([3, 40, 24], using: RandomGenerator(seed: 1)) * 2 - 1
    let expected = try SuperResolver(ModelFolder(path).load(policy)).upscaled(picture)

    func restored() throws -> Tensor {
      try SuperResolver(ModelFolder(path).load(policy)).upscaled(picture)
    }
    var failures = 0
    for count in Swift.stride(from: 0, to: 1 << 20, by: Self.stride) {
      failOperator(after: count)
      do {
        let result = try restored()
        failOperator(after: nil)
        #expect((result - expected).abs().max().item == 0)
        break
      } catch let error as TorchError {
        #expect(error.kind == .deviceFailure)
        failures += 1
      }
    }
    #expect(failures > 10)
    #expect((try restored() - expected).abs().max().item == 0)
  }

  /// A model whose blocks are read again for every product.
  @Test func aFileThatIsCutEndsThePictureNotTheProgram() throws {
    let folder = NSTemporaryDirectory() + "/nsarm-cut-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = try TinyModel.write(in: folder)
    let picture = Tensor.zeros([3, 40, 24])
    for (policy, kept) in [(ComputePolicy.float32, Int.max), (try ComputePolicy(.int8), 0)] {
      let resolver = try SuperResolver(ModelFolder(path).load(policy, keeping: kept))
      _ = try resolver.upscaled(picture)
      let weights = path + "/model.safetensors"
      let bytes = try Data(contentsOf: URL(fileURLWithPath: weights))
      truncate(weights, 4096)
      let error = #expect(throws: (any Error).self) { try resolver.upscaled(picture) }
      #expect("\(error!)".contains("model.safetensors: cannot be read (it became shorter"))
      try bytes.write(to: URL(fileURLWithPath: weights))
      _ = try SuperResolver(ModelFolder(path).load(policy, keeping: kept)).upscaled(picture)
    }
  }
}
