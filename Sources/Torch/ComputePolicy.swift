import Foundation

/// The precision that a user asks for.
public enum Precision: String, Codable, CaseIterable, Sendable {
  /// The precision that is fastest on this device without a visible difference (`MeasuredChoice`).
  case auto
  case float32
  /// Matrix products, convolutions and attention in bfloat16, the rest in float32.
  case bfloat16
  /// Weights and inputs of matrix products and convolutions in 8 bits; inference on a CPU only.
  case int8
}

/// The device and the element types in which a model computes. A model carries its policy, and
/// everything that runs the model reads it there.
public struct ComputePolicy: Hashable, Sendable {
  public let device: Device
  /// The precision of matrix products and convolutions; never `.auto`.
  public let precision: Precision
  /// Element type in which matrices and kernels are kept.
  public let storage: DType
  /// Element type of activations between matrix products, of attention and of the key/value cache.
  public let activations: DType
  /// Why this precision, in a few words, for messages.
  public let reason: String

  /// The policy for inference.
  ///
  /// `.auto` on a CPU is what was measured to be fastest on its kind of processor
  /// (`MeasuredChoice`), on a GPU bfloat16.
  /// - Parameters:
  ///   - isCalibrated: whether the model has what int8 needs for all of its parts; `.auto` is int8
  ///     for such models only.
  ///   - why: the reason for a precision that the user did not ask for.
  /// - Throws: `TorchError` where the device cannot compute that way.
  public init(
    _ precision: Precision = .auto, on device: Device = .cpu, processor: Processor = .current,
    isCalibrated: Bool = false, reason why: String = "as asked for"
  ) throws {
    let (fast, _) = Self.fastest(device, processor, isCalibrated: false)
    let (chosen, chosenWhy) = Self.fastest(device, processor, isCalibrated: isCalibrated)
    self.device = device
    self.precision = precision == .auto ? chosen : precision
    switch self.precision {
    case .auto, .float32: (storage, activations) = (.float32, .float32)
    case .bfloat16: (storage, activations) = (.bfloat16, .bfloat16)
    case .int8:
      guard device.type == "cpu" else {
        throw TorchError("int8 runs on the CPU only; choose auto, float32 or bfloat16 on \(device)")
      }
      (storage, activations) = (.float32, fast == .bfloat16 ? .bfloat16 : .float32)
    }
    if precision == .auto {
      reason = chosenWhy
    } else if precision == .bfloat16, device.type == "cpu", !processor.multipliesBFloat16 {
      reason = "\(why); slow, since \(processor.title) has no units for it"
    } else {
      reason = why
    }
  }

  private init(
    device: Device, precision: Precision, storage: DType, activations: DType, reason: String
  ) {
    self.device = device
    self.precision = precision
    self.storage = storage
    self.activations = activations
    self.reason = reason
  }

  /// The policy that suits this machine's processor.
  public static let automatic = try! ComputePolicy()

  /// Everything in float32 on the CPU.
  public static let float32 = try! ComputePolicy(.float32)

  /// The same arithmetic for training: weights, gradients and updates are float32.
  /// - Throws: `TorchError` for int8, which has no gradients.
  public func forTraining() throws -> ComputePolicy {
    guard precision != .int8 else {
      throw TorchError("int8 is for inference; train in auto, float32 or bfloat16")
    }
    return ComputePolicy(
      device: device, precision: precision, storage: .float32, activations: activations,
      reason: reason)
  }

  /// Runs `body` in this policy's arithmetic, whatever arithmetic is around it.
  public func callAsFunction<Result>(_ body: () throws -> Result) rethrows -> Result {
    try withAutocast(activations, on: device, body)
  }

  /// The precision and the device, such as "bfloat16 on cpu".
  public var title: String { "\(precision.rawValue) on \(device)" }

  private static func fastest(
    _ device: Device, _ processor: Processor, isCalibrated: Bool
  ) -> (Precision, String) {
    guard device.type == "cpu" else { return (.bfloat16, "GPUs multiply bfloat16 fastest") }
    let choice = MeasuredChoice.of(processor.kind)
    let precision = isCalibrated ? choice.calibrated : choice.floating
    return (precision, "\(processor.title): \(choice.reason)")
  }
}
