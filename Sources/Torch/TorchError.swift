import CTorch
import Foundation

/// An error of libtorch when a resource is missing: memory, a device, a file, an operator.
public struct TorchError: Error, LocalizedError, CustomStringConvertible {
  public enum Kind: Sendable {
    /// More memory than there is, of the machine or of an accelerator.
    case outOfMemory
    /// A device that fails while it computes.
    case deviceFailure
    /// Everything else: a device that is not there, an operator that this libtorch lacks.
    case unsupported
  }

  public let kind: Kind
  public let description: String
  public var errorDescription: String? { description }

  /// Whether a resource was lacking that another time or a smaller piece of work may find.
  var isOfResource: Bool { kind != .unsupported }

  init(_ description: String) {
    kind = .unsupported
    self.description = description
  }

  /// Consumes a message of the C interface.
  /// - Parameter operation: the operator that failed, such as "conv2d".
  init(_ message: ct_message, from operation: String? = nil) {
    let kind = ct_last_error_kind()
    let line = text(of: message).split(separator: "\n", maxSplits: 1).first.map(String.init)
    let trouble = line ?? "unknown libtorch error"
    let prefix = operation.map { "\($0): " } ?? ""
    switch ct_error_kind(rawValue: UInt32(kind)) {
    case CT_OUT_OF_MEMORY:
      self.kind = .outOfMemory
      let name = operation?.prefix { $0 != "." } ?? "libtorch"  // without the overload
      description = "out of memory: \(name)" + Self.demand(in: trouble)
    case CT_DEVICE_FAILED:
      self.kind = .deviceFailure
      description = "the device failed: " + prefix + trouble
    default:
      self.kind = .unsupported
      description = prefix + trouble
    }
  }

  /// The size that was asked for, from the messages of libtorch's allocators: "you tried to
  /// allocate 16777216 bytes", "Tried to allocate 2.00 GiB."
  private static func demand(in trouble: String) -> String {
    guard let match = trouble.firstMatch(of: /[Tt]ried to allocate ([0-9.]+) (\w+)/) else {
      return " (\(trouble))"
    }
    guard match.2 == "bytes", let bytes = Double(match.1) else {
      return " asked for \(match.1) \(match.2) more"
    }
    return bytes < 1e9
      ? String(format: " asked for %.0f MB more", max(bytes / 1e6, 1))
      : String(format: " asked for %.1f GB more", bytes / 1e9)
  }
}

/// Consumes a message of the C interface.
func text(of message: ct_message) -> String {
  defer { ct_free_message(message) }
  return String(cString: message)
}

/// Throws the first line of a message of the C interface, if there is one.
func check(_ message: ct_message?) throws {
  if let message { throw TorchError(message) }
}

/// Stops the program with a message of the C interface, if there is one: no caller can do anything
/// about it.
func demand(_ message: ct_message?) {
  if let message { fatalError(text(of: message)) }
}
