import Foundation
import Synchronization

/// Browsers that have sent the token, each known by a random text in a cookie. They are forgotten
/// with the process, and so with its token.
final class Sessions: Sendable {
  typealias Time = ContinuousClock.Instant

  static let lifetime = Duration.seconds(30 * 86400)
  private static let most = 10_000

  private let ends: Mutex<[String: Time]> = .init([:])

  /// - Returns: what the browser is to send.
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

  /// - Complexity: O(1) whatever `id` is; its hash depends on a key of the process, so that times
  ///   tell nothing.
  func isOpen(_ id: String, at now: Time = .now) -> Bool {
    ends.withLock { $0[id].map { $0 > now } ?? false }
  }

  func end(_ id: String) { ends.withLock { _ = $0.removeValue(forKey: id) } }
}
