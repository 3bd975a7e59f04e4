import Foundation
import Torch

/// How fast a device multiplies: the best of several runs of one operator.
struct PeakMeasurement: Encodable {
  /// Such as "matmul 2048" or "conv 3x3, 64 channels, 256x256".
  let operation: String
  let dtype: String
  let seconds: Double
  /// 10¹² floating-point operations per second; a multiplication with its addition is two.
  let teraflops: Double
}

/// The peaks of a machine.
struct MachinePeak: Encodable {
  let device: String
  let threads: Int
  let libtorch: String
  /// The best of all measurements of an element type, by its name: 10¹² operations per second.
  let best: [String: Double]
  let measurements: [PeakMeasurement]

  /// Measures square matrix products and 3x3 convolutions in both element types.
  ///
  /// - Parameters:
  ///   - dtypes: float32, bfloat16.
  ///   - seconds: about how long each operator is tried.
  init(_ dtypes: [DType] = [.float32, .bfloat16], on device: Device = .cpu, seconds: Double = 1) {
    var all: [PeakMeasurement] = []
    for dtype in dtypes {
      for n in [512, 1024, 2048, 4096] {
        let (a, b) = (Self.random([n, n], dtype, device), Self.random([n, n], dtype, device))
        let operations = 2 * Double(n) * Double(n) * Double(n)
        all.append(
          Self.measure("matmul \(n)", dtype, operations, device, seconds) { a.matmul(b) })
      }
      for (channels, side) in [(64, 256), (128, 128), (256, 64)] {
        let x = Self.random([1, channels, side, side], dtype, device).channelsLast()
        let weight = Self.random([channels, channels, 3, 3], dtype, device).channelsLast()
        let operations = 2 * 9 * Double(channels * channels) * Double(side * side)
        all.append(
          Self.measure(
            "conv 3x3, \(channels) channels, \(side)x\(side)", dtype, operations, device, seconds
          ) { x.conv2d(weight, padding: 1) })
      }
    }
    self.device = device.description
    threads = TorchRuntime.threadCount
    libtorch = TorchRuntime.version
    measurements = all
    best = Dictionary(all.map { ($0.dtype, $0.teraflops) }, uniquingKeysWith: max)
  }

  /// Numbers as in a network; which ones does not matter.
  private static func random(_ shape: [Int], _ dtype: DType, _ device: Device) -> Tensor {
    Tensor.randn(shape, using: RandomGenerator(seed: 0), on: device).to(dtype)
  }

  private static func measure(
    _ operation: String, _ dtype: DType, _ operations: Double, _ device: Device,
    _ seconds: Double, _ body: () -> Tensor
  ) -> PeakMeasurement {
    withoutGradients {
      // Other devices work asynchronously: many calls are timed together, and reading a value waits.
      let calls = device.type == "cpu" ? 1 : 20
      func run() -> Double {
        let start = Date()
        var last: Tensor?
        for _ in 0..<calls { last = body() }
        if device.type != "cpu" { _ = last!.flattened().narrowed(0, from: 0, count: 1).item }
        return Date().timeIntervalSince(start) / Double(calls)
      }
      _ = run()
      let end = Date().addingTimeInterval(seconds)
      var best = run()
      var runs = 1
      while runs < 3 || Date() < end {
        best = min(best, run())
        runs += 1
      }
      return PeakMeasurement(
        operation: operation, dtype: "\(dtype)", seconds: best,
        teraflops: operations / best / 1e12)
    }
  }
}
