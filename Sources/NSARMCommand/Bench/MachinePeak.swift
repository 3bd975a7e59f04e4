import Foundation
import Torch

/// The speed of a device's multiplications: the best of several runs of one operator.
struct PeakMeasurement: Encodable {
  /// Such as "matmul 2048" or "conv 3x3, 64 channels, 256x256".
  let operation: String
  let precision: String
  let seconds: Double
  /// 10¹² operations per second; a multiplication with its addition is two.
  let teraflops: Double
}

/// The peaks of a machine: square matrix products and 3x3 convolutions of growing size.
struct MachinePeak: Encodable {
  /// The best of all measurements of a precision, by its name: 10¹² operations per second.
  let best: [String: Double]
  let measurements: [PeakMeasurement]

  /// Measures every precision that the device has.
  ///
  /// Every operator is tried, then the fastest two of a precision again, in several rounds of all
  /// precisions: another program may have had the processor for a while.
  ///
  /// - Parameter seconds: about how long each operator is tried. Sizes that would take longer than
  ///   that, by what the smaller one took, are left out: emulated types are a hundred times slower.
  init(on device: Device, seconds: Double) {
    var all: [PeakMeasurement] = []
    var sizes: [String: Size] = [:]
    for precision in [Precision.float32, .bfloat16, .int8]
    where precision != .int8 || device == .cpu {
      for group in [Self.products, Self.convolutions] {
        var expected = 0.0
        for size in group where expected < seconds {
          sizes[size.name] = size
          all.append(size.measured(precision, device, seconds))
          expected = 8 * all.last!.seconds
        }
      }
    }
    for _ in 0..<Self.rounds {
      for precision in Set(all.map(\.precision)) {
        let fastest = all.indices.filter { all[$0].precision == precision }
          .sorted { all[$0].teraflops > all[$1].teraflops }.prefix(2)
        for index in fastest {
          let again = sizes[all[index].operation]!.measured(
            Precision(rawValue: precision)!, device, seconds)
          if again.seconds < all[index].seconds { all[index] = again }
        }
      }
    }
    measurements = all
    best = Dictionary(all.map { ($0.precision, $0.teraflops) }, uniquingKeysWith: max)
  }

  /// The number of rounds in which the fastest operators are measured again.
  private static let rounds = 3

  private struct Size: Sendable {
    let name: String
    let operations: Double
    /// Prepares the operands and gives the operation.
    let operation: @Sendable (Precision, Device) -> () -> Tensor

    func measured(
      _ precision: Precision, _ device: Device, _ seconds: Double
    ) -> PeakMeasurement {
      let body = withoutGradients { operation(precision, device) }
      let time = MachinePeak.best(of: body, device, seconds)
      return PeakMeasurement(
        operation: name, precision: precision.rawValue, seconds: time,
        teraflops: operations / time / 1e12)
    }
  }

  private static let products = [256, 512, 1024, 2048, 4096].map { n in
    Size(name: "matmul \(n)", operations: 2 * Double(n * n * n)) { precision, device in
      let (x, weight) = (random([n, n], device), random([n, n], device))
      if precision == .int8 {
        let quantized = QuantizedMatrix(weight)
        return { quantized.linear(x, nil) }
      }
      let (a, b) = (x.to(dtype(precision)), weight.to(dtype(precision)))
      return { a.linear(b) }
    }
  }

  private static let convolutions = [(64, 64), (64, 128), (128, 128), (64, 256)].map {
    channels, side in
    let operations = 18 * Double(channels * channels * side * side)
    let name = "conv 3x3, \(channels) channels, \(side)x\(side)"
    return Size(name: name, operations: operations) { precision, device in
      let x = random([1, channels, side, side], device).channelsLast()
      let kernel = random([channels, channels, 3, 3], device)
      if precision == .int8 {
        let quantized = QuantizedKernel(kernel, input: .symmetric(4))
        let input = x.quantized(quantized.input)
        return { quantized.conv2d(input, nil, stride: 1, padding: 1) }
      }
      let (a, b) = (x.to(dtype(precision)), kernel.to(dtype(precision)).channelsLast())
      return { a.conv2d(b, padding: 1) }
    }
  }

  private static func dtype(_ precision: Precision) -> DType {
    precision == .bfloat16 ? .bfloat16 : .float32
  }

  private static func random(_ shape: [Int], _ device: Device) -> Tensor {
    .randn(shape, using: RandomGenerator(seed: 1), on: device)
  }

  private static func best(of body: () -> Tensor, _ device: Device, _ seconds: Double) -> Double {
    withoutGradients {
      // Other devices work asynchronously: many calls are timed together, and reading a value
      // waits.
      let calls = device == .cpu ? 1 : 20
      return fastest(seconds) {
        var last: Tensor?
        for _ in 0..<calls { last = body() }
        if device != .cpu { _ = last!.flattened().narrowed(0, from: 0, count: 1).item }
      } / Double(calls)
    }
  }
}

/// The fastest of several runs of `body`: after one that warms up, as many as fit into `budget`
/// seconds, but at least one; where the first takes longer than that, it counts.
func fastest(_ budget: Double, _ body: () throws -> Void) rethrows -> Double {
  func once(_ body: () throws -> Void) rethrows -> Double {
    let start = Date()
    try body()
    return Date().timeIntervalSince(start)
  }
  let first = try once(body)
  guard first < budget else { return first }
  let end = Date().addingTimeInterval(budget)
  var best = try once(body)
  while Date() < end { best = min(best, try once(body)) }
  return best
}
