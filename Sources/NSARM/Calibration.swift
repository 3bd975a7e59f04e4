import Checkpoints
import Foundation
import Torch

/// The ranges of the inputs that a model's matrices and kernels meet in pictures: what 8-bit arithmetic needs to
/// know beside the weights. A model folder keeps it as `calibration.json`.
public struct Calibration: Codable, Equatable, Sendable {
  /// Smallest and largest input by parameter name.
  public var ranges: [String: [Double]] = [:]
  /// How many pictures they were seen in.
  public var pictures = 0
}

extension Model {
  /// Runs `body`, which restores `pictures` pictures with this model, and notes the inputs of what can be quantised.
  public func calibration(pictures: Int, _ body: () throws -> Void) rethrows -> Calibration {
    let observed = quantizable.map { ($0, InputObserver()) }
    for (parameter, observer) in observed { parameter.execution = .observed(observer) }
    defer { for (parameter, _) in observed { parameter.execution = .plain } }
    try body()
    var result = Calibration(pictures: pictures)
    for (parameter, observer) in observed where observer.minimum < observer.maximum {
      result.ranges[parameter.name] = [observer.minimum, observer.maximum]
    }
    return result
  }

  /// Computes what can be quantised in 8 bits from now on: weights with a scale per output channel, inputs in the
  /// calibrated ranges. What the calibration lacks, such as a network that inference does not use, stays as it is.
  func quantize(_ calibration: Calibration) {
    for parameter in quantizable {
      guard let range = calibration.ranges[parameter.name], range.count == 2 else { continue }
      let input = QuantizationRange(minimum: range[0], maximum: range[1])
      parameter.execution = .quantized(
        parameter.value.rank == 2
          ? QuantizedWeight(matrix: parameter.value, input: input, output: policy.activations)
          : QuantizedWeight(kernel: parameter.value, input: input, output: policy.activations))
    }
  }

  /// Gives the matrices of the transformer's blocks the layout that a CPU multiplies fastest, beside the plain one.
  func packMatrices() {
    guard policy.device == .cpu, PackedMatrix.isAvailable(policy.storage) else { return }
    for parameter in quantizable where parameter.value.rank == 2 {
      parameter.execution = .packed(PackedMatrix(parameter.value))
    }
  }

  /// The matrices of the transformer's blocks and the 3x3 kernels inside of networks: nearly all operations. The first
  /// and last layers, which see pictures and make pictures, codes and logits, keep their precision.
  private var quantizable: [Parameter] {
    store.parameters.filter { parameter in
      let shape = parameter.value.shape
      let name = parameter.name
      switch shape.count {
      case 2: return name.contains("block") && min(shape[0], shape[1]) >= 32
      case 4:
        return shape[2] == 3 && min(shape[0], shape[1]) >= 16
          && !name.contains("conv_in") && !name.contains("conv_out")
          && !name.hasPrefix(Part.encoder.rawValue)
      default: return false
      }
    }
  }
}

extension ModelFolder {
  public var calibrationPath: String { path + "/calibration.json" }

  /// - Throws: `CheckpointError` where there is none, or none that makes sense.
  public func calibration() throws -> Calibration {
    guard let data = FileManager.default.contents(atPath: calibrationPath) else {
      throw CheckpointError(
        calibrationPath,
        "missing: int8 needs the ranges of the model's activations; make it with: nsarm calibrate \(path) PICTURES"
      )
    }
    do {
      return try JSONDecoder().decode(Calibration.self, from: data)
    } catch {
      throw CheckpointError(
        calibrationPath, "is damaged; make it again with: nsarm calibrate \(path) PICTURES")
    }
  }

  /// Writes a calibration beside the weights.
  /// - Throws: `CheckpointError` where the folder is not writable.
  public func write(_ calibration: Calibration) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    do {
      try encoder.encode(calibration).write(
        to: URL(fileURLWithPath: calibrationPath), options: .atomic)
    } catch {
      throw CheckpointError(calibrationPath, "cannot be written: \(error.localizedDescription)")
    }
  }
}
