import Terminal
import TestSupport
import Testing

@Suite(.ownThreads) struct ProgressTests {
  /// A start that takes ten times as long as the tenth of the work after it.
  @Test func theStartDoesNotCount() {
    var time = RemainingTime()
    let start = ContinuousClock.now
    #expect(time.update(0, at: start) == nil)
    #expect(time.update(0, at: start + .seconds(100)) == nil, "still starting")
    #expect(time.update(0.01, at: start + .seconds(101)) == nil, "too little to tell")
    let left = time.update(0.1, at: start + .seconds(110))
    #expect(abs(left! - 90) < 1e-9)
    #expect(abs(time.update(0.5, at: start + .seconds(150))! - 50) < 1e-9)
    #expect(time.update(1, at: start + .seconds(200)) == 0)
  }

  @Test func nothingIsToldBeforeASecondHasPassed() {
    var time = RemainingTime()
    let start = ContinuousClock.now
    #expect(time.update(0.2, at: start) == nil)
    #expect(time.update(0.5, at: start + .milliseconds(10)) == nil)
  }

  @Test(arguments: [
    (0.4, "0 s"), (59.4, "59 s"), (192.3, "3 min 12 s"), (7322, "2 h 2 min"), (.infinity, "?"),
  ])
  func durations(_ seconds: Double, _ text: String) {
    #expect(ProgressLine.duration(seconds) == text)
  }

  @Test func bars() {
    #expect(ProgressLine.bar(0.5, width: 4) == "[==  ]")
    #expect(ProgressLine.bar(7, width: 2) == "[==]")
    #expect(ProgressLine.bar(-.infinity, width: 2) == "[  ]")
  }
}
