import CTorch
import Foundation

/// Process-wide settings of libtorch.
public enum TorchRuntime {
  /// The version of the libtorch in use, such as "2.13.0".
  public static var version: String { String(cString: ct_version()) }

  /// The number of threads that CPU operators use in the whole process. A program that wants
  /// another sets it at its start, after `load`.
  public static var threadCount: Int {
    get { Int(ct_thread_count()) }
    set {
      precondition((1...Int(Int32.max)).contains(newValue), "\(newValue) threads")
      demand(ct_set_thread_count(Int32(newValue)))
    }
  }
}

/// Runs `body` without recording operations for autograd.
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
  let previous = ct_set_grad_mode(false)
  defer { _ = ct_set_grad_mode(previous) }
  return try body()
}

/// Runs `body` with operations recorded for autograd, inside of `withoutGradients` or of the
/// backward pass of a `customNode`, too.
public func withGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
  let previous = ct_set_grad_mode(true)
  defer { _ = ct_set_grad_mode(previous) }
  return try body()
}

/// A device on which tensors live and operators run: "cpu", "cuda", "cuda:1", "mps".
public struct Device: Hashable, Sendable, CustomStringConvertible {
  public let description: String
  public static let cpu = Device(unchecked: "cpu")

  init(unchecked name: String) { description = name }

  /// - Throws: `TorchError` when this machine or this libtorch has no such device.
  public init(_ name: String) throws {
    self.init(unchecked: name)
    if type == "cpu" { return }
    try TorchRuntime.load()
    if type == "cuda" { Device.loadCUDA }
    guard Device.isAvailable(type) else {
      let offered = Device.available.map(\.description).joined(separator: ", ")
      throw TorchError("device '\(name)' is not available here; choose from: \(offered)")
    }
  }

  /// "cpu", "cuda" or "mps", without an index.
  public var type: String { String(description.prefix { $0 != ":" }) }

  /// The kinds of device that are present.
  public static var available: [Device] {
    loadCUDA
    return ["cpu", "cuda", "mps"].filter(isAvailable).map(Device.init(unchecked:))
  }

  private static func isAvailable(_ type: String) -> Bool { ct_device_available(type) }

  /// The CUDA half of libtorch, when the installed build has one; CPU users never need it.
  private static let loadCUDA: Void = {
    if let message = ct_load_library("libtorch_cuda.so") { ct_free_message(message) }
  }()
}

/// Element types; the raw codes are libtorch's `ScalarType`.
public enum DType: Int32, Sendable, CaseIterable {
  case uint8 = 0, int8 = 1, int16 = 2, int32 = 3, int64 = 4
  case float16 = 5, float32 = 6, float64 = 7
  case bool = 11, bfloat16 = 15, float8E4M3 = 24

  var code: Int32 { rawValue }

  /// Bytes per element.
  public var size: Int {
    switch self {
    case .uint8, .int8, .bool, .float8E4M3: 1
    case .int16, .float16, .bfloat16: 2
    case .int32, .float32: 4
    case .int64, .float64: 8
    }
  }

  public var isFloatingPoint: Bool {
    switch self {
    case .float16, .float32, .float64, .bfloat16, .float8E4M3: true
    default: false
    }
  }
}
