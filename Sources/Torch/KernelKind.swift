/// The sets of kernels behind the fused operators, each for more of a processor's instructions than
/// the one before. The newest that the processor has is used; tests and benchmarks compare them.
package enum KernelKind: Int, CaseIterable, Sendable {
  case baseline, avx2, avx512VNNI, avx512BFloat16, amx

  /// Those that this processor can run, whatever the environment allows.
  package static let runnable: [KernelKind] = kinds.dropLast().map { $0 }

  /// The one that this thread uses.
  package static var current: KernelKind { kinds.last! }

  /// Runs `body` with these kernels on this thread. Weights that one kind has packed cannot be read
  /// by another.
  package func callAsFunction<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = use(rawValue)
    defer { _ = use(before) }
    return try body()
  }

  private func use(_ kind: Int) -> Int {
    let before: [Int64] = aten(.useKernels, kind).values()
    return Int(before[0])
  }

  private static var kinds: [KernelKind] {
    let numbers: [Int64] = aten(.kernelKinds).values()
    return numbers.map { KernelKind(rawValue: Int($0))! }
  }
}
