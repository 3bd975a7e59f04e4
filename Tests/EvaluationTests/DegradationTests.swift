import Imaging
import Testing

@testable import Evaluation

@Suite struct DegradationTests {
  private let original = waves(96, 72)

  @Test(arguments: [Degradation.light, .full] + Degradation.allLevels)
  func isTheSameForASeed(degradation: Degradation) {
    let low = degradation(original, seed: 3, scale: 4)
    #expect(low.width == 24 && low.height == 18 && low.channels == 3)
    #expect(low == degradation(original, seed: 3, scale: 4))
    let drawsNothing: Bool =
      switch degradation {
      case .level(.blur, _), .level(.jpeg, _): true
      default: false
      }
    #expect((low == degradation(original, seed: 4, scale: 4)) == drawsNothing)
  }

  /// Every level is further from the undegraded reduction than the previous one, and the mixture is
  /// further than its parts.
  @Test func levelsRise() {
    let clean = original.resized(toWidth: 24, height: 18, .bicubic)
    func distance(_ degradation: Degradation) -> Double {
      let low = degradation(original, seed: 1, scale: 4)
      return zip(low.bytes, clean.bytes).reduce(0) { $0 + abs(Double($1.0) - Double($1.1)) }
    }
    for kind in Degradation.Kind.allCases {
      let distances = Degradation.levels.map { distance(.level(kind, $0)) }
      #expect(zip(distances, distances.dropFirst()).allSatisfy(<), "\(kind): \(distances)")
    }
    for kind in [Degradation.Kind.blur, .noise, .jpeg] {
      #expect(distance(.level(.mixture, 5)) > distance(.level(kind, 5)))
    }
  }

  @Test func allKindsHaveFiveLevels() {
    #expect(Degradation.allLevels.count == 20 && Set(Degradation.allLevels).count == 20)
    #expect(Degradation.level(.jpeg, 2).description == "jpeg 2")
  }
}
