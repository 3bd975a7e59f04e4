import Synchronization

/// How many pictures are taken in at once: each takes room among the temporary files until it is in
/// the queue.
final class UploadSlots: Sendable {
  let perAddress, inAll: Int
  private let taken: Mutex<[String: Int]> = .init([:])

  init(perAddress: Int, inAll: Int) { (self.perAddress, self.inAll) = (perAddress, inAll) }

  /// Runs `body` where there is a slot left.
  /// - Throws: `Problem` where there is none.
  func with<Value: Sendable>(_ address: String, _ body: () async throws -> Value) async throws
    -> Value
  {
    try take(address)
    defer { giveBack(address) }
    return try await body()
  }

  private func take(_ address: String) throws {
    try taken.withLock { taken in
      guard taken[address, default: 0] < perAddress else {
        throw Problem(
          .tooManyRequests, "too_many_uploads",
          "\(perAddress) pictures are taken in from one address at once; try again in a moment",
          retryAfter: 2)
      }
      guard taken.values.reduce(0, +) < inAll else {
        throw Problem(
          .serviceUnavailable, "too_many_uploads",
          "\(inAll) pictures are being taken in already; try again in a moment", retryAfter: 2)
      }
      taken[address, default: 0] += 1
    }
  }

  private func giveBack(_ address: String) {
    taken.withLock { taken in
      let count = taken[address, default: 1] - 1
      taken[address] = count > 0 ? count : nil
    }
  }

  /// How many are being taken in.
  var count: Int { taken.withLock { $0.values.reduce(0, +) } }
}
