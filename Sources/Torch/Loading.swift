import CTorch

extension TorchRuntime {
  /// Loads libtorch, or waits until `preload` has.
  ///
  /// The first operator does so by itself, but ends the process where libtorch is missing.
  /// - Throws: `TorchError` that says which file is missing, and what to do about it.
  public static func load() throws {
    if let reason = ctorch_load() { throw TorchError(String(cString: reason)) }
  }

  /// Begins to load libtorch in a thread of its own, which takes a quarter of a second: for
  /// programs that have something to do meanwhile. They load no other library then, which would
  /// have to wait, and end by `_exit` rather than `exit` before it is done.
  ///
  /// After `keepFreedMemory`, another thread takes the first 192 MB of memory from the system
  /// meanwhile, in large pages where there are such: that much any restoration needs.
  public static func preload() { ctorch_preload() }
}
