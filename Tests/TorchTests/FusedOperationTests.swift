import Foundation
import Testing

@testable import Torch

/// The fused operators against their compositions of libtorch's operators.
@Suite struct FusedOperationTests {
  private let random = RandomGenerator(seed: 7)

  @Test(arguments: FusedCase.small)
  func agreesWithItsComposition(_ case: FusedCase) throws {
    let inputs = `case`.inputs(random)
    func composed(_ inputs: [Tensor]) -> [Tensor] {
      `case`.composed(inputs).map { $0.to(`case`.result) }
    }
    let expected = composed(inputs)
    for (result, expected) in zip(`case`.fused(inputs), expected) {
      expectClose(result, expected, "result", tolerance: `case`.tolerance)
    }
    guard `case`.hasDerivatives else { return }
    let weights = expected.map { Tensor.randn($0.shape, using: random).to($0.dtype) }
    // All gradients, and each alone.
    for wanted in [Array(inputs.indices)] + inputs.indices.map({ [$0] }) {
      let (found, expected) = try (
        derivatives(`case`.fused, inputs, weights, wanted),
        derivatives(composed, inputs, weights, wanted)
      )
      for (i, pair) in zip(wanted, zip(found, expected)) {
        expectClose(pair.0, pair.1, "gradient of input \(i)", tolerance: 1e-4)
      }
    }
  }

  /// The derivative in a random direction against a difference quotient of the composition in
  /// float64, which knows nothing of anybody's derivatives.
  @Test(arguments: FusedCase.small.filter { $0.hasDerivatives && $0.result == .float32 })
  func gradientsAreThoseOfFiniteDifferences(_ case: FusedCase) throws {
    let inputs = `case`.inputs(random)
    guard inputs.allSatisfy({ $0.dtype == .float32 }) else { return }
    let weights = `case`.fused(inputs).map { Tensor.randn($0.shape, using: random) }
    let gradients = try derivatives(`case`.fused, inputs, weights, Array(inputs.indices))
    for (i, gradient) in gradients.enumerated() {
      let direction = Tensor.randn(inputs[i].shape, using: random).to(.float64)
      func weighted(_ step: Double) -> Double {
        var moved = inputs.map { $0.to(.float64) }
        moved[i] = moved[i] + direction * step
        return zip(`case`.composed(moved), weights).reduce(0) { sum, pair in
          sum + (pair.0 * pair.1.to(.float64)).sum().item
        }
      }
      let step = 1e-5
      let expected = (weighted(step) - weighted(-step)) / (2 * step)
      let found = (gradient.to(.float64) * direction).sum().item
      // Terms of both signs nearly cancel: errors are relative to their sizes.
      let size = (gradient.to(.float64) * direction).abs().sum().item
      #expect(abs(found - expected) <= 1e-4 * size + 1e-6, "input \(i): \(found), \(expected)")
    }
  }

  @Test func quantizesAsItsComposition() {
    for type in [DType.float32, .bfloat16] {
      for channels in [3, 17, 64] {
        let x = (Tensor.randn([2, channels, 5, 7], using: random) * 3).to(type)
        let (weight, bias) = (
          Tensor.randn([channels], using: random), Tensor.randn([channels], using: random)
        )
        for silu in [false, true] {
          expectSameSteps(
            x.channelNormQuantized(weight, bias, silu: silu, scale: 0.03, zeroPoint: 99),
            x.to(.float32).channelNormReference(weight, bias, epsilon: 1e-6, silu: silu)
              .quantizedReference(scale: 0.03, zeroPoint: 99))
        }
        for x in [x, x.channelsLast(), x.permuted(1, 0, 3, 2), x * 1000, x * 0] {
          let found = x.quantized(scale: 0.1, zeroPoint: 7)
          expectSameSteps(found, x.quantizedReference(scale: 0.1, zeroPoint: 7))
        }
      }
    }
    let ties = Tensor([-1.5, -0.5, 0.5, 1.5, 2.5, 1e30, -1e30] as [Float])
    let steps: [Int64] = ties.quantized(scale: 1, zeroPoint: 10).values()
    #expect(steps == [8, 10, 10, 12, 12, 255, 0])
  }

  /// silu over the whole range of its exponential, exact zeros included.
  @Test(arguments: [DType.float32, .bfloat16])
  func siluHoldsOverItsWholeRange(_ type: DType) {
    // γ spreads two values per position, ±1 normalised, over the range.
    let magnitudes: [Float] = [0, 1e-30, 1e-6, 0.1, 1, 5, 20, 60, 86, 88, 90, 104, 200, 1e5, 1e30]
    let x = Tensor([-1, 1] as [Float]).reshaped(1, 2, 1, 1).repeated([1, magnitudes.count, 1, 1])
    let weight = Tensor(magnitudes.flatMap { [$0, $0] })
    let bias = Tensor.zeros([weight.count])
    expectClose(
      x.to(type).channelNorm(weight, bias, silu: true),
      x.to(type).channelNormReference(weight, bias, epsilon: 1e-6, silu: true), "silu",
      elementwise: true)
  }

  /// GELU and its derivative over the whole range of its exponential.
  @Test(arguments: [DType.float32, .bfloat16])
  func geluHoldsOverItsWholeRange(_ type: DType) throws {
    let magnitudes: [Float] = [0, 1e-30, 1e-6, 0.1, 1, 3, 5, 9, 13, 20, 200, 1e5, 1e15, 1e30]
    let x = Tensor(magnitudes.flatMap { [$0, -$0] }).to(type)
    for x in [x, Tensor.randn([1000], using: random).to(type) * 4] {
      let expected = x.to(.float64).geluTanhReference().to(type)
      let (a, b): ([Double], [Double]) = (x.gelu(approximate: true).values(), expected.values())
      #expect(zip(a, b).allSatisfy { abs($0 - $1) <= abs($1) / 128 + 1e-6 })
      func derivative(_ gelu: (Tensor) -> Tensor) throws -> [Double] {
        try derivatives({ [gelu($0[0])] }, [x], [.ones(x.shape).to(type)], [0])[0].values()
      }
      let found = try derivative { $0.gelu(approximate: true) }
      let wanted = try derivative { $0.to(.float64).geluTanhReference().to(type) }
      for (i, x) in (x.values() as [Double]).enumerated() {
        let limit: Double = x > 0 ? 1 : 0  // libtorch's own is NaN far out
        #expect(abs(found[i] - (abs(x) < 50 ? wanted[i] : limit)) < 0.005, "derivative at \(x)")
      }
    }
    #expect(Tensor([Float.nan]).gelu(approximate: true).item.isNaN)
  }

  /// The number of threads is the whole process's, which other tests share.
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["NSARM_SLOW_TESTS"] != nil,
      "NSARM_SLOW_TESTS is not set"))
  func resultsDoNotDependOnThreads() throws {
    let threads = TorchRuntime.threadCount
    defer { TorchRuntime.threadCount = threads }
    for `case` in FusedCase.large where `case`.hasDerivatives {
      let inputs = `case`.inputs(random)
      let weights = `case`.fused(inputs).map { Tensor.randn($0.shape, using: random).to($0.dtype) }
      let results = try [1, 2, 3].map { count in
        TorchRuntime.threadCount = count
        return try `case`.fused(inputs).map(\.floats)
          + derivatives(`case`.fused, inputs, weights, Array(inputs.indices)).map(\.floats)
      }
      #expect(results[0] == results[1] && results[0] == results[2], "\(`case`)")
    }
  }

  @Test func memoryOrderIsChannelsLast() {
    let x = Tensor.randn([2, 8, 3, 5], using: random)
    let y = x.channelNorm(.ones([8]), .zeros([8]))
    #expect(y.permuted(0, 2, 3, 1).withBytes { $0.count } == x.count * 4)
  }

  @Test func geluKeepsTheMemoryOrder() {
    let x = Tensor.randn([2, 8, 3, 5], using: random).channelsLast()
    let y = x.gelu(approximate: true)
    #expect(y.permuted(0, 2, 3, 1).withBytes { $0.count } == x.count * 4)
    #expect(Tensor.zeros([0, 3]).gelu(approximate: true).shape == [0, 3])
  }

  @Test func refusesWrongShapes() {
    #expect(throws: TorchError.self) {
      _ = try Operator.channelNorm.call([
        Tensor.zeros([1, 4, 2, 2]), Tensor.ones([3]), Tensor.ones([3]), 1e-6, true,
      ])
    }
    #expect(throws: TorchError.self) {
      _ = try Operator.gatedResidual.call([
        Tensor.zeros([2, 3, 4]), Tensor.zeros([2, 3, 4]), Tensor.zeros([2, 3, 4]),
      ])
    }
  }

  /// Inputs that the fused operators do not take go through the compositions.
  @Test(arguments: [DType.float64, .float16])
  func otherElementTypesAreComposed(_ type: DType) {
    let x = Tensor.randn([2, 6, 3, 5], using: random).to(type)
    let (weight, bias) = (Tensor.randn([6], using: random), Tensor.randn([6], using: random))
    let wide = x.to(.float32)
    func close(_ result: Tensor, _ expected: Tensor) -> Bool {
      result.dtype == type && (result.to(.float32) - expected).abs().max().item < 0.02
    }
    #expect(
      close(x.channelNorm(weight, bias, silu: true), wide.channelNorm(weight, bias, silu: true)))
    expectSameSteps(
      x.quantized(scale: 0.1, zeroPoint: 7), wide.quantized(scale: 0.1, zeroPoint: 7))
    let tokens = x.reshaped(2, 5, 18)
    let angles = Tensor.range(5, .float32).reshaped(5, 1)
    let (cosines, sines) = (angles.cos(), angles.sin())
    let strength = Tensor.rand([3], using: random)
    let (found, expected) = (
      tokens.rotatedHeads(3, logitScale: strength, cosines: cosines, sines: sines),
      tokens.to(.float32).rotatedHeads(3, logitScale: strength, cosines: cosines, sines: sines)
    )
    #expect(close(found.queries, expected.queries) && close(found.values, expected.values))
  }

  #if os(Linux) && arch(x86_64)
    /// The kernels of older processors, which the environment has to name before the program
    /// starts.
    @Test(
      .enabled(
        if: getenv("ATEN_CPU_CAPABILITY") == nil, "other hardware is chosen by the environment"),
      arguments: ["avx2", "default"])
    func agreesOnOlderProcessors(_ instructionSet: String) throws {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      process.arguments = [
        "--testing-library", "swift-testing", "--no-parallel", "--filter", "FusedOperationTests",
      ]
      process.environment = ProcessInfo.processInfo.environment
        .merging(["ATEN_CPU_CAPABILITY": instructionSet]) { $1 }
      let output = Pipe()
      process.standardOutput = output
      process.standardError = output
      try process.run()
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0, "\(text.suffix(2000))")
      #expect(text.contains("agreesWithItsComposition"), "\(text.suffix(2000))")
    }
  #endif
}

// MARK: Comparison

/// Gradients of the weighted results with respect to the inputs `wanted`; the other inputs need
/// none.
private func derivatives(
  _ function: ([Tensor]) -> [Tensor], _ inputs: [Tensor], _ weights: [Tensor], _ wanted: [Int]
) throws -> [Tensor] {
  let inputs = inputs.map { $0.detached() }
  for i in wanted { inputs[i].requiresGradient = true }
  let outputs = function(inputs)
  let used = outputs.indices.filter { outputs[$0].requiresGradient }
  return try gradients(
    of: used.map { outputs[$0] }, weights: used.map { weights[$0] }, with: wanted.map { inputs[$0] }
  ).enumerated().map { $1 ?? Tensor.zeros(like: inputs[wanted[$0]]) }
}

/// Relative to the largest element, or to each; bfloat16 may be one unit in the last place off.
func expectClose(
  _ result: Tensor, _ expected: Tensor, _ what: String, tolerance: Double = 1e-5,
  elementwise: Bool = false
) {
  #expect(result.dtype == expected.dtype && result.shape == expected.shape, "\(what)")
  let (a, b): ([Double], [Double]) = (result.values(), expected.values())
  let relative = result.dtype == .bfloat16 ? 1.0 / 128 : tolerance
  let largest = b.map(abs).max() ?? 0
  let worst = zip(a, b).map { abs($0 - $1) - relative * (elementwise ? abs($1) : largest) }.max()
  #expect(a.allSatisfy(\.isFinite) && (worst ?? 0) <= 1e-30, "\(what) is off by \(worst ?? 0)")
}

/// Within one step, and nearly always the same.
private func expectSameSteps(_ result: Tensor, _ expected: Tensor) {
  #expect(result.dtype == .uint8 && result.shape == expected.shape)
  let (a, b): ([Double], [Double]) = (result.values(), expected.values())
  let differences = zip(a, b).map { abs($0 - $1) }
  #expect(differences.max()! <= 1)
  #expect(differences.filter { $0 > 0 }.count <= 1 + differences.count / 1000)
}
