import Foundation
import TestSupport
import Testing

@testable import Serving

/// Who is taken for dead, and which time is believed.
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
      silent.append(watch.look(at: running, now: start + .seconds(second)).map(\.job))
    }
    #expect(silent.firstIndex(of: [quiet]) == 15)
    #expect(silent.allSatisfy { !$0.contains(living) })
    // Another worker has a lease of its own.
    let other = [Beat(job: quiet, worker: "c", beat: 1)]
    #expect(watch.look(at: other, now: start + .seconds(42)).isEmpty)
  }

  /// Stopped for an hour, a process has not seen that others were silent.
  @Test func whoHasSleptBlamesNobody() {
    var watch = LeaseWatch(lease: 30)
    let running = [Beat(job: UUID(), worker: "a", beat: 1)]
    for second in [0, 2, 4, 3604, 3606] {
      #expect(watch.look(at: running, now: start + .seconds(second)).isEmpty, "\(second)")
    }
  }

  @Test func aClockThatIsSetIsNotBelieved() {
    let start = ContinuousClock.now
    var time = TrustedTime(patience: 600)
    func believes(_ second: Int, plus error: Double = 0) -> Bool {
      time.believes(1e9 + Double(second) + error, now: start + .seconds(second))
    }
    for second in stride(from: 0, to: 600, by: 5) { #expect(!believes(second)) }
    #expect(believes(600) && believes(605))
    // Eight days ahead for eight seconds, and back.
    #expect(!believes(610, plus: 691_200) && !believes(618, plus: 691_200))
    #expect(!believes(620) && !believes(1000))
    #expect(believes(1220))
    // A machine that has slept has a right clock.
    #expect(believes(5000))
  }
}
