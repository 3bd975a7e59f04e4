import CVips
import Foundation

/// The message of a failed call of the C interface.
struct CallFailure: Error {
  let reason: String
}

func withBlob<R>(_ data: (some ContiguousBytes)?, _ body: (cvips_blob) throws -> R) rethrows -> R {
  guard let data else { return try body(cvips_blob(bytes: nil, count: 0)) }
  return try data.withUnsafeBytes {
    try body(cvips_blob(bytes: $0.baseAddress, count: $0.count))
  }
}

/// The bytes that a function of the C interface allocates, which are freed.
///
/// Throws `CallFailure` if the function does not return 0.
func blob(
  _ body: (UnsafeMutablePointer<cvips_blob>, inout UnsafeMutablePointer<CChar>?) -> Int32
) throws -> Data {
  var (result, text) = (cvips_blob(), UnsafeMutablePointer<CChar>?.none)
  guard body(&result, &text) == 0 else { throw CallFailure(reason: take(&text)) }
  defer { cvips_free(result.bytes) }
  return data(result) ?? Data()
}

/// A copy of a blob's bytes.
func data(_ blob: cvips_blob) -> Data? {
  guard let bytes = blob.bytes, blob.count > 0 else { return nil }
  return Data(bytes: bytes, count: blob.count)
}

/// The text of an error of the C interface, which is freed.
func take(_ text: inout UnsafeMutablePointer<CChar>?) -> String {
  guard let pointer = text else { return "unknown reason" }
  defer {
    free(pointer)
    text = nil
  }
  return String(cString: pointer)
}
