import CTorch

/// A store of keys and values that processes share over TCP: c10d's, which PyTorch's programs use.
///
/// One process is its server, the others are clients. Several threads may use one store at once.
public final class TCPStore: Sendable {
  nonisolated(unsafe) private let handle: ct_store

  /// - Parameters:
  ///   - isServer: whether this process hosts the store at `port`; a client waits for its server.
  ///   - worldSize: the number of processes, the server's included, that all of them wait for;
  ///     nil: nobody waits.
  ///   - timeout: the longest wait for the server and the other processes.
  /// - Throws: `ProcessGroupError`.
  public init(
    host: String, port: Int, isServer: Bool, worldSize: Int? = nil, timeout: Duration
  ) throws {
    var result: ct_store?
    try checkGroup(
      ct_store_create(
        host, Int32(port), isServer, Int32(worldSize ?? 0), timeout.seconds, &result))
    handle = result!
  }

  deinit { ct_store_release(handle) }

  /// Sets the value of `key`.
  /// - Throws: `ProcessGroupError` where the server is gone, like all methods.
  public func set(_ key: String, _ value: String) throws {
    try checkGroup(ct_store_set(handle, key, value))
  }

  /// The value of `key`, as soon as it has one.
  /// - Throws: `ProcessGroupError` also where it has none within `timeout`.
  public func value(_ key: String, timeout: Duration) throws -> String {
    var result: UnsafeMutablePointer<CChar>?
    try checkGroup(ct_store_get(handle, key, timeout.seconds, &result))
    return text(of: result!)
  }

  /// Whether `key` has a value now.
  public func hasValue(_ key: String) throws -> Bool {
    var result = false
    try checkGroup(ct_store_has(handle, key, &result))
    return result
  }

  /// Adds to a number, 0 at first, and gives the sum; no two processes get the same sum of ones.
  public func add(_ key: String, _ amount: Int) throws -> Int {
    var result: Int64 = 0
    try checkGroup(ct_store_add(handle, key, Int64(amount), &result))
    return Int(result)
  }
}

extension Duration {
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
