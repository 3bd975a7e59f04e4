import Foundation
import Testing

@testable import Torch

@Suite struct TensorTests {
  @Test func arithmeticAndShapes() {
    let a = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    #expect((a * 2 + a).floats == [3, 6, 9, 12, 15, 18])
    #expect(a.transposed(0, 1).shape == [3, 2])
    #expect(a.transposed(0, 1).floats == [1, 4, 2, 5, 3, 6])
    #expect(a.sum([1]).floats == [6, 15])
    #expect(a.split([1, 2], 1).map(\.shape) == [[2, 1], [2, 2]])
    #expect(Tensor.concatenated([a, a], 0).shape == [4, 3])
    #expect(a.mean().item == 3.5)
    #expect((1 - a).floats == [0, -1, -2, -3, -4, -5])
  }

  @Test func backward() throws {
    let x = Tensor([1, 2, 3] as [Float])
    x.requiresGradient = true
    try (x.square() * 3).sum().backward()
    #expect(x.gradient!.floats == [6, 12, 18])
    let g = try gradients(of: [x.exp().sum()], with: [x])[0]!
    #expect(abs(g.floats[1] - 7.389056) < 1e-5)
  }

  @Test func errorsAreOneLine() {
    let error = #expect(throws: TorchError.self) {
      _ = try Operator.matmul.call([Tensor.zeros([2, 3]), Tensor.zeros([2, 3])])
    }
    #expect(error!.description.contains("2x3"))
    #expect(!error!.description.contains("\n"))
    #expect(throws: TorchError.self) { _ = try Device("quantum") }
    #expect(throws: TorchError.self) { _ = try Operator("no_such_operator").call([]) }
  }

  @Test func memoryIsReleased() throws {
    func resident() throws -> Int {
      let status = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
      return Int(status.split(separator: " ")[1])! * 4096
    }
    var total = 0.0
    func temporaries(_ count: Int) {
      for _ in 0..<count { total += (Tensor.ones([1_000_000]) + 1).selected(0, 0).item }
    }
    temporaries(50)
    // 80 GB of temporaries in 20 rounds. Other tests of this process allocate meanwhile, but a leak
    // would show in every round, as 2 to 4 GB.
    let growth = try (0..<20).map { _ in
      let before = try resident()
      temporaries(500)
      return try resident() - before
    }
    #expect(total == 2 * 10_050)
    #expect(growth.min()! < 64 << 20)
  }
}
