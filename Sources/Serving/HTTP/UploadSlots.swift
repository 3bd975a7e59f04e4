import Synchronization

/// Limits the uploads in progress, since each takes space for temporary files until it is queued.
final class UploadSlots: Sendable {
  let perAddress, inAll: Int
  private let taken: Mutex<[String: Int]> = .init([:])

  init(perAddress: Int, inAll: Int) { (self.perAddress, self.inAll) = (perAddress, inAll) }

  /// Runs `body` in a free slot.
  /// - Throws: `Problem` if there is none.
  func with<Value: Sendable>(_ address: String, _ body: () async throws -> Value) async throws
    -> Value
  {
    try take(address)
    defer { release(address) }
    return try await body()
  }

  private func take(_ address: String) throws {
    try taken.withLock { taken in
      guard taken[address, default: 0] < perAddress else {
        throw Problem(
          .tooManyRequests, "too_many_uploads",
          "\(perAddress) uploads from one address are accepted at the same time;"
            + " try again in a moment",
          retryAfter: 2)
      }
      guard taken.values.reduce(0, +) < inAll else {
        throw Problem(
          .serviceUnavailable, "too_many_uploads",
          "\(inAll) uploads are in progress already; try again in a moment", retryAfter: 2)
      }
      taken[address, default: 0] += 1
    }
  }

  private func release(_ address: String) {
    taken.withLock { taken in
      let count = taken[address, default: 1] - 1
      taken[address] = count > 0 ? count : nil
    }
  }

  /// The number of uploads in progress.
  var count: Int { taken.withLock { $0.values.reduce(0, +) } }
}
