import Synchronization

/// How often every address may do something in a minute: all at once, or spread over it.
final class Allowance: Sendable {
  struct State: Equatable, Sendable {
    /// Whether it may be done now.
    let isGranted: Bool
    /// How often it may be done at once after that.
    let remaining: Int
    /// Seconds until it may be done again, where it may not be done now.
    let retryAfter: Int
    /// Seconds until everything is allowed again.
    let reset: Int
  }

  let perMinute: Int
  private let used: Mutex<[String: (allowance: Double, time: Time)]> = .init([:])

  typealias Time = ContinuousClock.Instant

  init(perMinute: Int) { self.perMinute = perMinute }

  /// Counts once where that is allowed.
  func take(_ address: String, at now: Time = .now) -> State { state(address, now, taking: 1) }

  /// What is allowed, without counting.
  func look(_ address: String, at now: Time = .now) -> State { state(address, now, taking: 0) }

  private func state(_ address: String, _ now: Time, taking count: Double) -> State {
    let (most, rate) = (Double(perMinute), Double(perMinute) / 60)
    return used.withLock { used in
      // Who has not been heard of for a minute may do everything again.
      if used.count > 10_000 { used = used.filter { now - $0.value.time < .seconds(60) } }
      let last = used[address] ?? (most, now)
      var allowance = min(most, last.allowance + (now - last.time) / .seconds(1) * rate)
      let isGranted = allowance >= 1
      if isGranted { allowance -= count }
      if count > 0 { used[address] = (allowance, now) }
      return State(
        isGranted: isGranted, remaining: Int(allowance),
        retryAfter: isGranted ? 0 : Int(((1 - allowance) / rate).rounded(.up)),
        reset: Int(((most - allowance) / rate).rounded(.up)))
    }
  }
}
