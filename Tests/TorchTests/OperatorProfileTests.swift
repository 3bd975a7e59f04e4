import Testing
import Torch

@Suite struct OperatorProfileTests {
  @Test func operationsAreCountedForwardAndBackward() throws {
    let (a, w) = (Tensor.ones([5, 7]), Tensor.ones([11, 7]))
    let bias = Tensor.ones([11])
    w.requiresGradient = true
    let linear = try OperatorProfile.measuring { try a.linear(w, bias).sum().backward() }.profile
    // x is no leaf that collects gradients: one product forward, one backward.
    #expect(linear.operations == 2 * 2 * 5 * 7 * 11)

    let (x, kernel) = (Tensor.ones([2, 3, 8, 10]), Tensor.ones([4, 3, 3, 3]))
    (x.requiresGradient, kernel.requiresGradient) = (true, true)
    let conv = try OperatorProfile.measuring {
      try x.conv2d(kernel, padding: 1).sum().backward()
    }.profile
    #expect(conv.operations == 3 * 2 * 2 * 4 * 27 * 80)
    let strided = OperatorProfile.measuring { x.detached().conv2d(kernel.detached(), stride: 2) }
    #expect(strided.profile.operations == 2 * 2 * 4 * 27 * Double(3 * 4))

    let q = Tensor.ones([1, 2, 6, 8])
    let attention = OperatorProfile.measuring {
      q.attention(.ones([1, 2, 9, 8]), .ones([1, 2, 9, 8]))
    }
    #expect(attention.profile.operations == 4 * 2 * 6 * 9 * 8)
  }

  @Test func timeIsThatOfTheOperatorsThemselves() throws {
    let x = Tensor.ones([256, 256])
    let (_, profile) = OperatorProfile.measuring { x.matmul(x).silu() }
    #expect(profile.seconds > 0 && profile.entries.allSatisfy { $0.seconds >= 0 && $0.calls > 0 })
    #expect(profile.entries.contains { $0.name == "aten::mm" && $0.calls == 1 })
    #expect(profile.kinds.contains { $0.kind == .activations })
    // Nothing is watched after the end, also where the body throws.
    struct Failure: Error {}
    #expect(throws: Failure.self) { try OperatorProfile.measuring { throw Failure() } }
    #expect(OperatorProfile.measuring {}.profile.entries.isEmpty)
  }
}
