import CGLib
import Foundation

/// An incremental digest.
package final class Checksum {
  package enum Kind { case sha256, md5 }

  private let sum: OpaquePointer?

  package init(_ kind: Kind) {
    switch kind {
    case .sha256: sum = g_checksum_new(G_CHECKSUM_SHA256)
    case .md5: sum = g_checksum_new(G_CHECKSUM_MD5)
    }
  }

  deinit { g_checksum_free(sum) }

  package func update(_ bytes: UnsafeRawBufferPointer) {
    g_checksum_update(
      sum, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), gssize(bytes.count))
  }

  /// The digest of all bytes so far, in hexadecimal; no bytes can be added afterwards.
  package var digits: String { String(cString: g_checksum_get_string(sum)) }
}

/// The HMAC-SHA-256 of a text (RFC 2104), which only holders of the key can compute.
package func authenticationCode(of text: some ContiguousBytes, key: [UInt8]) -> [UInt8] {
  let code = g_hmac_new(G_CHECKSUM_SHA256, key, gsize(key.count))
  defer { g_hmac_unref(code) }
  text.withUnsafeBytes { bytes in
    let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    g_hmac_update(code, start, gssize(bytes.count))
  }
  var digest = [UInt8](repeating: 0, count: 32)
  var count = gsize(digest.count)
  g_hmac_get_digest(code, &digest, &count)
  return digest
}
