import Settings
import Torch

/// Classifier-free guidance on text (Ho and Salimans, 2022): g · conditional + (1 − g) ·
/// unconditional; 1: off. One number for all scales, or one for each, coarse to fine.
public struct Guidance: Equatable, Sendable {
  public let values: [Double]

  /// - Parameter values: one, or one for each scale; numbers beyond the last scale are not used.
  public init(_ values: [Double]) {
    precondition(!values.isEmpty, "a number at least")
    self.values = values
  }

  public init(_ value: Double) { self.init([value]) }

  /// The numbers that make sense.
  public static let range = 0.0...100

  /// Whether no scale is guided.
  public var isOff: Bool { values.allSatisfy { $0 == 1 } }

  /// The guidance of scale k.
  func callAsFunction(scale k: Int) -> Double { values[min(k, values.count - 1)] }

  /// The guidance of each token of scales with these numbers of tokens, `[1, L, 1]`.
  func tokens(_ counts: [Int], from first: Int = 0) -> Tensor {
    let values = counts.enumerated().flatMap { i, count in
      [Float](repeating: Float(self(scale: first + i)), count: count)
    }
    return Tensor(values, shape: [1, values.count, 1])
  }

  /// - Parameters:
  ///   - check: knows where the number stands in its file.
  ///   - count: scales of the schedule; nil: not known here.
  /// - Throws: `ConfigurationError` for numbers outside of `range` and for fewer than the scales.
  func validate(_ check: SettingsCheck, scales count: Int? = nil) throws {
    guard values.count > 1 else { return try check("guidance", values[0], Self.range) }
    try check("guidance", values, Self.range, count: 1...64)
    try check(
      "guidance", values.count >= count ?? 0,
      else: "has \(values.count) numbers; one for all scales or one for each of \(count ?? 0)")
  }
}

extension Guidance: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
  public init(floatLiteral value: Double) { self.init(value) }
  public init(integerLiteral value: Int) { self.init(Double(value)) }
}

extension Guidance: CustomStringConvertible {
  public var description: String { values.map(\.description).joined(separator: ",") }
}

extension Guidance: Codable {
  /// Reads a number or a list of numbers.
  public init(from decoder: any Decoder) throws {
    let form = try decoder.singleValueContainer()
    if let values = try? form.decode([Double].self) {
      guard !values.isEmpty else {
        throw DecodingError.dataCorruptedError(
          in: form, debugDescription: "an empty list; a number is needed")
      }
      self.init(values)
    } else {
      self.init(try form.decode(Double.self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var form = encoder.singleValueContainer()
    if values.count == 1 { try form.encode(values[0]) } else { try form.encode(values) }
  }
}
