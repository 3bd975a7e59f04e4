import Foundation

/// One of the processes that share work.
public struct ShareWorker: Codable, Hashable, Sendable {
  /// Its place among the processes that were started together, from 0.
  public let rank: Int
  /// The name of its machine.
  public let host: String
  /// A random name, which no other process has, nor a later one of the same rank.
  let id: String

  /// A name for this process.
  public init(rank: Int) {
    self.rank = rank
    host = ProcessInfo.processInfo.hostName
    id = UUID().uuidString.lowercased()
  }
}
