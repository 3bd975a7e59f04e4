import Foundation

/// Parses a `multipart/form-data` body (RFC 7578) as it arrives.
struct MultipartParser {
  enum Event: Equatable {
    /// The beginning of a part, with the name of its field and, if it is a file, the file's name.
    case part(name: String, fileName: String?)
    case bytes(ArraySlice<UInt8>)
    case partEnd
  }

  enum Malformed: Error, Equatable { case headers, boundary, end }

  private enum State: Equatable {
    case preamble, afterBoundary, headers
    /// Inside a part. `isFirst`: the line break that ends the headers has not been consumed, since
    /// the delimiter of an empty part begins with it.
    case bytes(isFirst: Bool)
    case end
  }

  private let delimiter: [UInt8]
  private var state = State.preamble
  /// Bytes that have not been parsed. The first delimiter lacks the line break before it.
  private var buffer: [UInt8] = Array("\r\n".utf8)

  private static let maximumHeaderBytes = 8192

  /// - Parameter contentType: the request's content type; nil is returned if it is not a multipart
  ///   form.
  init?(contentType: String) {
    let parts = contentType.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
    guard parts.first?.lowercased() == "multipart/form-data" else { return nil }
    let field = parts.dropFirst().first { $0.lowercased().hasPrefix("boundary=") }
    guard var boundary = field?.dropFirst("boundary=".count) else { return nil }
    if boundary.hasPrefix("\""), boundary.hasSuffix("\""), boundary.count >= 2 {
      boundary = boundary.dropFirst().dropLast()
    }
    guard (1...70).contains(boundary.utf8.count) else { return nil }
    delimiter = Array("\r\n--\(boundary)".utf8)
  }

  /// Whether the last delimiter has been parsed.
  var isComplete: Bool { state == .end }

  /// - Throws: `Malformed`.
  mutating func parse(_ bytes: some Sequence<UInt8>, _ handle: (Event) throws -> Void) throws {
    buffer.append(contentsOf: bytes)
    var start = 0
    defer { buffer.removeFirst(start) }
    loop: while true {
      switch state {
      case .preamble:
        guard let found = buffer.firstRange(of: delimiter, from: start) else {
          start = max(start, buffer.count - delimiter.count)
          break loop
        }
        start = found + delimiter.count
        state = .afterBoundary
      case .afterBoundary:
        guard buffer.count - start >= 2 else { break loop }
        switch (buffer[start], buffer[start + 1]) {
        case (UInt8(ascii: "\r"), UInt8(ascii: "\n")): state = .headers
        case (UInt8(ascii: "-"), UInt8(ascii: "-")): state = .end
        default: throw Malformed.boundary
        }
        // The headers of a part without any end with the line break of the delimiter's line.
        start += state == .headers ? 0 : 2
      case .headers:
        let end = Array("\r\n\r\n".utf8)
        guard let found = buffer.firstRange(of: end, from: start) else {
          guard buffer.count - start <= Self.maximumHeaderBytes else { throw Malformed.headers }
          break loop
        }
        try handle(Self.part(String(decoding: buffer[start..<found], as: UTF8.self)))
        start = found + 2
        state = .bytes(isFirst: true)
      case .bytes(let isFirst):
        let first = start + (isFirst ? 2 : 0)
        let found = buffer.firstRange(of: delimiter, from: start)
        let end = found ?? buffer.count - delimiter.count
        if end > first {
          try handle(.bytes(buffer[first..<end]))
          start = end
          state = .bytes(isFirst: false)
        }
        guard let found else { break loop }
        try handle(.partEnd)
        start = found + delimiter.count
        state = .afterBoundary
      case .end:
        start = buffer.count
        break loop
      }
    }
  }

  private static func part(_ headers: String) throws -> Event {
    for line in headers.split(separator: "\r\n") {
      guard line.lowercased().hasPrefix("content-disposition:") else { continue }
      let value = line.dropFirst("content-disposition:".count)
      guard let name = parameter("name", in: value) else { throw Malformed.headers }
      return .part(name: name, fileName: parameter("filename", in: value))
    }
    throw Malformed.headers
  }

  /// Reads `name="value"`, with `%22` for a quotation mark as browsers write it.
  private static func parameter(_ name: String, in text: Substring) -> String? {
    guard let found = text.firstRange(of: "; \(name)=\"") ?? text.firstRange(of: ";\(name)=\"")
    else { return nil }
    let rest = text[found.upperBound...]
    guard let end = rest.firstIndex(of: "\"") else { return nil }
    return String(rest[..<end]).replacing("%22", with: "\"").replacing("%0D", with: "")
      .replacing("%0A", with: "")
  }
}

extension [UInt8] {
  /// The first position of `pattern` at or after `start`.
  fileprivate func firstRange(of pattern: [UInt8], from start: Int) -> Int? {
    withUnsafeBytes { bytes in
      pattern.withUnsafeBytes { pattern in
        var place = start
        while place + pattern.count <= bytes.count {
          let first = bytes.baseAddress! + place
          guard
            let found = memchr(first, Int32(pattern[0]), bytes.count - pattern.count - place + 1)
          else { return nil }
          if memcmp(found, pattern.baseAddress!, pattern.count) == 0 {
            return UnsafeRawPointer(found) - bytes.baseAddress!
          }
          place = UnsafeRawPointer(found) - bytes.baseAddress! + 1
        }
        return nil
      }
    }
  }
}
