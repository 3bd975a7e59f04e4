import Testing

@testable import Files

/// Detection of dead workers, by one clock only.
@Suite struct ShareSilenceTests {
  private let start = SuspendingClock.now
  private let quiet = ShareWorker(rank: 0)
  private let living = ShareWorker(rank: 1)

  @Test func whoIsSilentForTheLeaseIsDead() {
    var silence = ShareSilence(lease: 30)
    var silent: [Set<ShareWorker>] = []
    for second in stride(from: 0, through: 40, by: 2) {
      silent.append(
        silence.silent([quiet: 7, living: second / 4], now: start + .seconds(second)))
    }
    #expect(silent.firstIndex(of: [quiet]) == 15)
    #expect(silent.allSatisfy { !$0.contains(living) })
  }

  @Test func whoWasNeverHeardOfIsDeadAfterTheLease() {
    var silence = ShareSilence(lease: 10)
    for second in stride(from: 0, to: 10, by: 2) {
      #expect(silence.silent([quiet: nil], now: start + .seconds(second)).isEmpty, "\(second)")
    }
    #expect(silence.silent([quiet: nil], now: start + .seconds(10)) == [quiet])
    // A first sign of life, however late.
    #expect(silence.silent([quiet: 0], now: start + .seconds(12)).isEmpty)
  }

  /// A process that was suspended for an hour has not observed the silence of others.
  @Test func whoHasSleptBlamesNobody() {
    var silence = ShareSilence(lease: 30)
    for second in [0, 2, 4, 3604, 3606] {
      #expect(silence.silent([quiet: 1], now: start + .seconds(second)).isEmpty, "\(second)")
    }
  }
}
