import Foundation

/// The element type of a stored tensor, named as in the safetensors format.
public enum FixtureElement: String, Sendable {
  case float32 = "F32"
  case float64 = "F64"
  case int32 = "I32"
  case int64 = "I64"
  case uint8 = "U8"
  case bool = "BOOL"
  case float8e4m3 = "F8_E4M3"

  /// Bytes per element.
  public var size: Int {
    switch self {
    case .float64, .int64: 8
    case .float32, .int32: 4
    case .uint8, .bool, .float8e4m3: 1
    }
  }
}

/// One tensor of a fixture: row-major elements, as stored.
public struct FixtureTensor: Sendable {
  public let element: FixtureElement
  public let shape: [Int]
  /// The stored elements, little-endian.
  public let bytes: [UInt8]

  public init(element: FixtureElement, shape: [Int], bytes: [UInt8]) {
    self.element = element
    self.shape = shape
    self.bytes = bytes
  }

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }

  /// The elements as float32. F8_E4M3 is widened exactly; integers beyond 2^24 are rounded.
  public var floats: [Float] {
    switch element {
    case .float32: elements(as: Float.self)
    case .float64: elements(as: Double.self).map { Float($0) }
    case .int32: elements(as: Int32.self).map { Float($0) }
    case .int64: elements(as: Int64.self).map { Float($0) }
    case .uint8, .bool: bytes.map { Float($0) }
    case .float8e4m3: bytes.map(FixtureTensor.widen(e4m3:))
    }
  }

  /// The elements of an integer tensor. Traps on floating-point tensors.
  public var ints: [Int] {
    switch element {
    case .int32: elements(as: Int32.self).map { Int($0) }
    case .int64: elements(as: Int64.self).map { Int($0) }
    case .uint8, .bool: bytes.map { Int($0) }
    case .float32, .float64, .float8e4m3:
      preconditionFailure("a tensor of \(element.rawValue) has no integer elements")
    }
  }

  /// torch.float8_e4m3fn: (−1)^s · (e = 0 ? m/8 · 2^−6 : (1 + m/8) · 2^(e−7)); 0x7f and 0xff are
  /// NaN.
  public static func widen(e4m3 byte: UInt8) -> Float {
    let exponent = Int(byte >> 3) & 15
    let mantissa = Float(byte & 7)
    if byte & 0x7f == 0x7f { return .nan }
    let magnitude =
      exponent == 0
      ? Float(sign: .plus, exponent: -6, significand: 1) * (mantissa / 8)
      : Float(sign: .plus, exponent: exponent - 7, significand: 1 + mantissa / 8)
    return byte & 0x80 == 0 ? magnitude : -magnitude
  }

  private func elements<T>(as type: T.Type) -> [T] {
    bytes.withUnsafeBytes { raw in
      (0..<count).map { raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: type) }
    }
  }
}

/// A file of reference tensors (safetensors) for comparisons.
///
/// It is `NAME.safetensors` in the first of these folders that contains it: the one named by the
/// environment variable `NSARM_FIXTURES`, `shared/fixtures` beside the package or beside any folder
/// above it, `Tests/Fixtures` inside the package, which has all of them.
public struct Fixture: Sendable {
  public let name: String
  /// The file's `__metadata__`.
  public let metadata: [String: String]
  public let tensors: [String: FixtureTensor]

  /// The names of the tensors, sorted.
  public var names: [String] { tensors.keys.sorted() }

  /// The names that begin with `prefix`, sorted, without the prefix.
  public func names(after prefix: String) -> [String] {
    names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
  }

  /// The tensor called `name`. Traps with a readable message if the fixture has none.
  public subscript(_ name: String) -> FixtureTensor {
    guard let tensor = tensors[name] else {
      preconditionFailure("fixture \(self.name) has no tensor \(name)")
    }
    return tensor
  }

  /// The integers in a metadata entry, in order: "[1, 2, 4, 4]" or "7". Empty if it is missing.
  public func integers(_ key: String) -> [Int] {
    (metadata[key] ?? "").split { !"-0123456789".contains($0) }.compactMap { Int($0) }
  }

  /// The folders that may contain fixtures, in the order in which they are searched.
  public static var folders: [URL] {
    var folders: [URL] = []
    if let folder = ProcessInfo.processInfo.environment["NSARM_FIXTURES"], !folder.isEmpty {
      folders.append(URL(fileURLWithPath: folder, isDirectory: true))
    }
    var parent = packageRoot
    while parent.path != "/" {
      parent.deleteLastPathComponent()
      folders.append(parent.appendingPathComponent("shared/fixtures", isDirectory: true))
    }
    return folders + [packageRoot.appendingPathComponent("Tests/Fixtures", isDirectory: true)]
  }

  /// The package's root folder.
  public static var packageRoot: URL {
    URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  }

  /// The path of the fixture's file, or nil if no folder contains it.
  public static func url(_ name: String) -> URL? {
    folders.map { $0.appendingPathComponent("\(name).safetensors") }
      .first { FileManager.default.fileExists(atPath: $0.path) }
  }

  /// Reads `NAME.safetensors`.
  ///
  /// Throws `FixtureError` if the file is missing or not a safetensors file.
  public static func load(_ name: String) throws -> Fixture {
    guard let url = url(name) else {
      throw FixtureError(description: "there is no \(name).safetensors in any of \(folders)")
    }
    return try Fixture(name: name, contentsOf: url)
  }

  public init(name: String, contentsOf url: URL) throws {
    let data = [UInt8](try Data(contentsOf: url))
    func fail(_ reason: String) -> FixtureError {
      FixtureError(description: "\(url.path): \(reason)")
    }
    guard data.count >= 8 else { throw fail("too short for a safetensors file") }
    let length = data.withUnsafeBytes {
      Int(UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)))
    }
    guard length > 0, length <= data.count - 8 else { throw fail("header length out of range") }
    let base = 8 + length
    let json = try JSONSerialization.jsonObject(with: Data(data[8..<base]))
    guard let header = json as? [String: Any] else { throw fail("header is not a JSON object") }

    var tensors: [String: FixtureTensor] = [:]
    for (key, value) in header where key != "__metadata__" {
      guard let entry = value as? [String: Any],
        let dtype = entry["dtype"] as? String,
        let shape = entry["shape"] as? [Int],
        let offsets = entry["data_offsets"] as? [Int], offsets.count == 2
      else { throw fail("tensor \(key) has an incomplete header") }
      guard let element = FixtureElement(rawValue: dtype) else {
        throw fail("tensor \(key) is of type \(dtype), which this reader does not know")
      }
      let (start, end) = (base + offsets[0], base + offsets[1])
      guard start <= end, end <= data.count, end - start == shape.reduce(1, *) * element.size else {
        throw fail("tensor \(key) does not fit its offsets")
      }
      tensors[key] = FixtureTensor(element: element, shape: shape, bytes: Array(data[start..<end]))
    }
    self.name = name
    self.metadata = header["__metadata__"] as? [String: String] ?? [:]
    self.tensors = tensors
  }
}

/// A fixture that is missing or unreadable.
public struct FixtureError: LocalizedError, CustomStringConvertible {
  public let description: String
  public var errorDescription: String? { description }

  public init(description: String) { self.description = description }
}
