import Foundation
import Testing
import Torch

@testable import Training

@Suite struct SpectralConvolutionTests {
  private let store = ParameterStore(seed: 3)
  private let state = ParameterStore(seed: 4)

  private func convolution(_ kernel: Tensor? = nil) throws -> SpectralConvolution {
    let convolution = try SpectralConvolution(6, 8, kernel: 3, store.root, state: state.root)
    store.prepareForTraining()
    if let kernel { store["weight"]!.value.detached().copyInPlace(kernel) }
    return convolution
  }

  /// A matrix of known singular values 3, 2 and 1, whose vectors are axes.
  @Test func theLargestSingularValueIsFound() throws {
    var values = [Float](repeating: 0, count: 8 * 54)
    (values[0 * 54 + 7], values[3 * 54 + 20], values[5 * 54 + 40]) = (2, -3, 1)
    let convolution = try convolution(Tensor(values, shape: [8, 6, 3, 3]))
    for _ in 0..<40 { convolution.iterate() }
    #expect(abs(convolution.largestSingularValue.item - 3) < 1e-4)
  }

  /// The normalised kernel amplifies no direction: its largest singular value is 1.
  @Test func kernelsAreNormalised() throws {
    let convolution = try convolution()
    for _ in 0..<100 { convolution.iterate() }
    let matrix = store["weight"]!.value.detached().reshaped(8, 54)
    let normalised = matrix / convolution.largestSingularValue.detached()
    // The largest eigenvalue of W Wᵀ, by powers of it.
    var square = normalised.matmul(normalised.transposed(0, 1))
    var logarithm = 0.0
    for doubling in 0..<12 {
      let size = square.norm().item
      square = square / size
      logarithm += log2(size) / Double(1 << doubling)
      square = square.matmul(square)
    }
    #expect(abs(exp2(logarithm) - 1) < 1e-2)
  }

  /// One iteration per update follows a kernel that training changes.
  @Test func oneIterationFollows() throws {
    let convolution = try convolution()
    for _ in 0..<50 { convolution.iterate() }
    let weight = store["weight"]!.value
    let random = RandomGenerator(seed: 5)
    for _ in 0..<30 {
      weight.detached().copyInPlace(
        weight.detached() + Tensor.randn(weight.shape, using: random) * 0.005)
      convolution.iterate()
    }
    let followed = convolution.largestSingularValue.item
    for _ in 0..<100 { convolution.iterate() }
    #expect(abs(followed / convolution.largestSingularValue.item - 1) < 0.03)
  }

  @Test func gradientsReachTheKernel() throws {
    let convolution = try convolution()
    let x = Tensor.randn([2, 6, 5, 5], using: RandomGenerator(seed: 6))
    try convolution(x).square().mean().backward()
    #expect(store["weight"]!.value.gradient!.abs().max().item > 0)
    // The output does not depend on the kernel's length, so that its gradient is across it.
    let weight = store["weight"]!.value
    #expect(abs((weight.gradient! * weight.detached()).sum().item) < 1e-3)
  }
}
