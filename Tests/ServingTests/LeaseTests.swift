import Foundation
import TestSupport
import Testing

@testable import Serving

/// Detection of dead workers, and of clocks that cannot be trusted.
@Suite struct LeaseTests {
  private typealias Beat = LeaseWatch.Beat
  private let start = SuspendingClock.now

  @Test func whoIsSilentForTheLeaseLosesTheJob() {
    var watch = LeaseWatch(lease: 30)
    let (quiet, living) = (UUID(), UUID())
    var silent: [[UUID]] = []
    for second in stride(from: 0, through: 40, by: 2) {
      let running = [
        Beat(job: quiet, worker: "a", beat: 1), Beat(job: living, worker: "b", beat: second / 4),
      ]
      silent.append(watch.silent(among: running, now: start + .seconds(second)).map(\.job))
    }
    #expect(silent.firstIndex(of: [quiet]) == 15)
    #expect(silent.allSatisfy { !$0.contains(living) })
    // The lease of another worker is separate.
    let other = [Beat(job: quiet, worker: "c", beat: 1)]
    #expect(watch.silent(among: other, now: start + .seconds(42)).isEmpty)
  }

  /// A process that was suspended for an hour has not observed the silence of others.
  @Test func whoHasSleptBlamesNobody() {
    var watch = LeaseWatch(lease: 30)
    let running = [Beat(job: UUID(), worker: "a", beat: 1)]
    for second in [0, 2, 4, 3604, 3606] {
      #expect(watch.silent(among: running, now: start + .seconds(second)).isEmpty, "\(second)")
    }
  }

  @Test func aClockThatIsSetIsNotBelieved() {
    let start = ContinuousClock.now
    var time = TrustedTime(period: 600)
    func trusts(_ second: Int, plus error: Double = 0) -> Bool {
      time.trusts(1e9 + Double(second) + error, now: start + .seconds(second))
    }
    for second in stride(from: 0, to: 600, by: 5) { #expect(!trusts(second)) }
    #expect(trusts(600) && trusts(605))
    // Eight days ahead for eight seconds, and back.
    #expect(!trusts(610, plus: 691_200) && !trusts(618, plus: 691_200))
    #expect(!trusts(620) && !trusts(1000))
    #expect(trusts(1220))
    // The clock of a machine that was suspended is right.
    #expect(trusts(5000))
  }
}
