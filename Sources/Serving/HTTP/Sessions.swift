import Foundation
import Synchronization

/// Sessions of browsers that have sent the token, each identified by a random value in a cookie.
/// They are kept in memory only, as is the token.
final class Sessions: Sendable {
  typealias Time = ContinuousClock.Instant

  static let lifetime = Duration.seconds(30 * 86400)
  private static let most = 10_000

  private let ends: Mutex<[String: Time]> = .init([:])

  /// - Returns: the value of the cookie.
  func begin(at now: Time = .now) -> String {
    let id = Data((0..<32).map { _ in UInt8.random(in: 0...255) }).map {
      String(UInt16($0) + 256, radix: 16).dropFirst()
    }.joined()
    ends.withLock { ends in
      ends = ends.filter { $0.value > now }
      if ends.count >= Self.most, let oldest = ends.min(by: { $0.value < $1.value }) {
        ends[oldest.key] = nil
      }
      ends[id] = now + Self.lifetime
    }
    return id
  }

  /// - Complexity: O(1) for any `id`. Its hash is seeded per process, so that timing reveals
  ///   nothing.
  func isOpen(_ id: String, at now: Time = .now) -> Bool {
    ends.withLock { $0[id].map { $0 > now } ?? false }
  }

  func end(_ id: String) { ends.withLock { _ = $0.removeValue(forKey: id) } }
}
