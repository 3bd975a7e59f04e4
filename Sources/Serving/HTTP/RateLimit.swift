import Synchronization

/// A token bucket for each address: `perMinute` requests, at once or spread over a minute.
final class RateLimit: Sendable {
  struct State: Equatable, Sendable {
    /// Whether the request is allowed.
    let isGranted: Bool
    /// The number of further requests allowed immediately.
    let remaining: Int
    /// Seconds until the next request is allowed; 0 if this one is.
    let retryAfter: Int
    /// Seconds until the limit is fully available again.
    let reset: Int
  }

  let perMinute: Int
  private let used: Mutex<[String: (allowance: Double, time: Time)]> = .init([:])

  typealias Time = ContinuousClock.Instant

  init(perMinute: Int) { self.perMinute = perMinute }

  /// Counts a request if it is allowed.
  func take(_ address: String, at now: Time = .now) -> State { state(address, now, taking: 1) }

  /// The state without counting a request.
  func peek(_ address: String, at now: Time = .now) -> State { state(address, now, taking: 0) }

  private func state(_ address: String, _ now: Time, taking count: Double) -> State {
    let (most, rate) = (Double(perMinute), Double(perMinute) / 60)
    return used.withLock { used in
      // Addresses that have been silent for a minute have their full limit again.
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
