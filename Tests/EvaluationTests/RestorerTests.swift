import Imaging
import ModelTestSupport
import NSARM
import SuperResolution
import TestSupport
import Testing
import Torch

@testable import Evaluation

@Suite struct RestorerTests {
  private let scratch = try! ScratchFolder()

  @Test func variantsHaveTheOriginalsSize() throws {
    let restorer = try Restorer(
      ModelFolder(try TinyModel.write(in: scratch.path)), ModelLoader(.float32))
    let side = restorer.model.configuration.tileSide
    let high = waves(side, side)
    let low = Degradation.full(high, seed: 3, scale: restorer.scale)
    let results = try Restorer.Variant.allCases.map {
      try restorer($0, low: low, high: high, seed: 1)
    }
    for result in results { #expect(result.rect == high.rect && result.channels == 3) }
    let (restored, allScales, trueCode, noCode) = (results[0], results[1], results[2], results[3])
    #expect(restored == allScales && restored != trueCode)
    #expect(restored != noCode && trueCode != noCode)
    #expect(throws: EvaluationError.self) {
      try restorer(.trueCode, low: low, high: nil, seed: 1)
    }
    #expect(throws: EvaluationError.self) {
      try restorer(.trueCode, low: low, high: waves(side + 4, side), seed: 1)
    }
  }
}
