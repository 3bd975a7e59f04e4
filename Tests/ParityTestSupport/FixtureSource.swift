import NSARM
import TestSupport
import Torch

/// The weights of a fixture as a source of parameters: the tensors whose names begin with `prefix`,
/// without it, as float32.
public struct FixtureSource: TensorSource {
  let fixture: Fixture
  let prefix: String

  public init(_ fixture: Fixture, prefix: String = "weights.") {
    self.fixture = fixture
    self.prefix = prefix
  }

  public var title: String { "\(fixture.name).safetensors" }
  public var names: [String] { fixture.names(after: prefix) }
  public func tensor(_ name: String) throws -> Tensor { fixture.tensor(prefix + name) }
}

/// Several sources as one, each under its own prefix.
public struct JoinedSource: TensorSource {
  let parts: [(prefix: String, source: any TensorSource)]

  public init(parts: [(prefix: String, source: any TensorSource)]) { self.parts = parts }

  public var title: String { parts.map(\.source.title).joined(separator: " + ") }
  public var names: [String] {
    parts.flatMap { part in part.source.names.map { part.prefix + $0 } }
  }

  public func tensor(_ name: String) throws -> Tensor {
    for part in parts where name.hasPrefix(part.prefix) {
      return try part.source.tensor(String(name.dropFirst(part.prefix.count)))
    }
    throw FixtureError(description: "no part of \(title) holds \(name)")
  }
}

extension Fixture {
  /// A stored tensor; F8_E4M3 widened to float32, other types as stored.
  public func tensor(_ name: String) -> Tensor {
    let stored = self[name]
    let dtype: DType =
      switch stored.element {
      case .float32: .float32
      case .float64: .float64
      case .int32: .int32
      case .int64: .int64
      case .uint8: .uint8
      case .bool: .bool
      case .float8e4m3: .float8E4M3
      }
    let tensor = stored.bytes.withUnsafeBytes {
      Tensor(bytes: $0, dtype: dtype, shape: stored.shape)
    }
    return dtype == .float8E4M3 ? tensor.to(.float32) : tensor
  }

  /// A stored schedule of rows (frames, height, width).
  public func sizes(_ name: String) -> [GridSize] {
    let values = self[name].ints
    return stride(from: 0, to: values.count, by: 3).map { GridSize(values[$0 + 1], values[$0 + 2]) }
  }

  /// Names of expectations: a component of the name is "out".
  public var expectations: [String] { names.filter { $0.split(separator: ".").contains("out") } }

  /// The integers n for which there is a tensor "`prefix`n", ascending.
  public func indices(_ prefix: String) -> [Int] {
    names(after: prefix).compactMap(Int.init).sorted()
  }

  /// Distinct first components of names, such as "sq" of "sq.in.latent", sorted.
  public func cases(where hasTensor: String) -> [String] {
    names.filter { $0.hasSuffix(hasTensor) }.map { String($0.dropLast(hasTensor.count)) }
  }
}

extension ParityReport {
  /// Compares a tensor with the fixture's of the same name.
  public func compare(
    _ name: String, _ actual: Tensor, _ fixture: Fixture, tolerance: Double,
    relativeTo scale: Scale = .absolute
  ) {
    let expected = fixture[name]
    guard actual.shape == expected.shape else {
      return fail(name, "shape \(actual.shape), expected \(expected.shape)")
    }
    compare(name, actual.floats, expected.floats, tolerance: tolerance, relativeTo: scale)
  }

  /// Compares bits or indices, which must be equal.
  public func compareExactly(_ name: String, _ actual: Tensor, _ fixture: Fixture) {
    compare(name, actual.to(.float32), fixture, tolerance: 0)
  }
}
