import Foundation
import Synchronization
import Torch

/// A port of this machine that nobody listens at.
func freePort() -> Int {
  #if canImport(Glibc)
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  #else
    let descriptor = socket(AF_INET, SOCK_STREAM, 0)
  #endif
  defer { close(descriptor) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  withUnsafeMutablePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      _ = bind(descriptor, $0, length)
      _ = getsockname(descriptor, $0, &length)
    }
  }
  return Int(UInt16(bigEndian: address.sin_port))
}

/// The place of a rank on this machine.
func place(_ rank: Int, of size: Int, port: Int) -> LaunchEnvironment {
  LaunchEnvironment(
    rank: rank, worldSize: size, localRank: rank, masterAddress: "127.0.0.1", masterPort: port)
}

/// Runs `body` as each of `size` ranks, in threads of this process with groups of their own.
/// - Returns: what each rank gave or threw.
func inRanks<Result: Sendable>(
  _ size: Int, timeout: Duration = .seconds(60),
  _ body: @escaping @Sendable (ProcessGroup) throws -> Result
) -> [Swift.Result<Result, any Error>] {
  let port = freePort()
  let results = RankResults<Result>(size)
  let ended = DispatchSemaphore(value: 0)
  for rank in 0..<size {
    let thread = Thread {
      results.set(
        rank,
        Swift.Result {
          try body(
            ProcessGroup(
              place(rank, of: size, port: port), backend: .gloo, device: .cpu, timeout: timeout))
        })
      ended.signal()
    }
    thread.start()
  }
  for _ in 0..<size { ended.wait() }
  return results.values
}

private final class RankResults<Value: Sendable>: Sendable {
  private let results: Mutex<[Result<Value, any Error>?]>

  init(_ size: Int) { results = Mutex(Array(repeating: nil, count: size)) }

  func set(_ rank: Int, _ result: Result<Value, any Error>) {
    results.withLock { $0[rank] = result }
  }

  var values: [Result<Value, any Error>] { results.withLock { $0.compactMap(\.self) } }
}
