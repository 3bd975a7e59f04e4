import CGLib

/// A digest that grows with the bytes that it is given.
final class Checksum {
  enum Kind { case sha256, md5 }

  private let sum: OpaquePointer?

  init(_ kind: Kind) {
    switch kind {
    case .sha256: sum = g_checksum_new(G_CHECKSUM_SHA256)
    case .md5: sum = g_checksum_new(G_CHECKSUM_MD5)
    }
  }

  deinit { g_checksum_free(sum) }

  func update(_ bytes: UnsafeRawBufferPointer) {
    g_checksum_update(
      sum, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), gssize(bytes.count))
  }

  /// Of all bytes so far, in hexadecimal; nothing can be added afterwards.
  var digits: String { String(cString: g_checksum_get_string(sum)) }
}
