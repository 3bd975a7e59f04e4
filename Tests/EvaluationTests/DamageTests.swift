import Imaging
import Testing

@testable import Evaluation

@Suite struct DamageTests {
  private let original = waves(96, 72)

  @Test(arguments: [Damage.light, .full] + Damage.allLevels)
  func isTheSameForASeed(damage: Damage) {
    let low = damage(original, seed: 3, scale: 4)
    #expect(low.width == 24 && low.height == 18 && low.channels == 3)
    #expect(low == damage(original, seed: 3, scale: 4))
    let drawsNothing: Bool =
      switch damage {
      case .level(.blur, _), .level(.jpeg, _): true
      default: false
      }
    #expect((low == damage(original, seed: 4, scale: 4)) == drawsNothing)
  }

  /// Every level is further from the undamaged reduction than the one before, the mixture further
  /// than its parts.
  @Test func levelsRise() {
    let clean = original.resized(toWidth: 24, height: 18, .bicubic)
    func distance(_ damage: Damage) -> Double {
      let low = damage(original, seed: 1, scale: 4)
      return zip(low.bytes, clean.bytes).reduce(0) { $0 + abs(Double($1.0) - Double($1.1)) }
    }
    for kind in Damage.Kind.allCases {
      let distances = Damage.levels.map { distance(.level(kind, $0)) }
      #expect(zip(distances, distances.dropFirst()).allSatisfy(<), "\(kind): \(distances)")
    }
    for kind in [Damage.Kind.blur, .noise, .jpeg] {
      #expect(distance(.level(.mixture, 5)) > distance(.level(kind, 5)))
    }
  }

  @Test func allKindsHaveFiveLevels() {
    #expect(Damage.allLevels.count == 20 && Set(Damage.allLevels).count == 20)
    #expect(Damage.level(.jpeg, 2).description == "jpeg 2")
  }
}
