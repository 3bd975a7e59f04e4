import Testing

@testable import Torch

/// A resource that is lacking ends a region of work, not the program.
@Suite struct ResourceErrorTests {
  /// More than any machine's address space.
  static let tooLarge = [1 << 24, 1 << 24, 8]

  @Test func memoryThatIsNotThereIsThrown() throws {
    let error = #expect(throws: TorchError.self) {
      try throwingResourceErrors { Tensor.zeros(Self.tooLarge) }
    }
    #expect(error?.kind == .outOfMemory)
    #expect(error?.description.hasPrefix("out of memory: zeros asked for ") == true, "\(error!)")
    #expect(Tensor.ones([2]).sum().item == 2, "the thread computes again")
  }

  @Test func whatFollowsHasShapesAndCostsNothing() throws {
    var shape: [Int]?
    #expect(throws: TorchError.self) {
      try throwingResourceErrors {
        let x = Tensor.zeros(Self.tooLarge)
        let y = (x * 2 + Tensor.ones([8])).matmul(.ones([8, 3])).to(.bfloat16)
        shape = y.shape
        #expect(y.narrowed(0, from: 0, count: 1).narrowed(1, from: 0, count: 4).floats.count == 12)
        #expect(Tensor([1, 2, 3] as [Float]).sum().item == 0, "no values from here on")
      }
    }
    #expect(shape == [1 << 24, 1 << 24, 3])
  }

  @Test func anErrorIsThrownAtTheNextCheck() throws {
    var passed = 0
    #expect(throws: TorchError.self) {
      try throwingResourceErrors {
        try checkResources()
        passed += 1
        _ = Tensor.zeros(Self.tooLarge)
        passed += 1
        try checkResources()
        passed += 1
      }
    }
    #expect(passed == 2)
    try checkResources()
  }

  @Test func innerRegionsEndByThemselves() throws {
    let value = try throwingResourceErrors {
      #expect(throws: TorchError.self) {
        try throwingResourceErrors { Tensor.zeros(Self.tooLarge) }
      }
      return Tensor.ones([3]).sum().item
    }
    #expect(value == 3)
    #expect(throws: TorchError.self) {
      try throwingResourceErrors {
        _ = Tensor.zeros(Self.tooLarge)
        try throwingResourceErrors { _ = Tensor.ones([1]) }
        Issue.record("a region inside of one that failed throws")
      }
    }
  }

  /// An error that `body` throws because of another comes after it.
  @Test func theFirstErrorIsTheOneThatIsThrown() {
    struct Consequence: Error {}
    #expect(throws: TorchError.self) {
      try throwingResourceErrors {
        _ = Tensor.zeros(Self.tooLarge)
        throw Consequence()
      }
    }
    #expect(throws: Consequence.self) { try throwingResourceErrors { throw Consequence() } }
  }

  @Test func aDeviceThatFailsIsThrown() {
    let error = #expect(throws: TorchError.self) {
      try throwingResourceErrors {
        failOperator(after: 1)
        return Tensor.ones([2]).exp()
      }
    }
    #expect(error?.kind == .deviceFailure)
    #expect(error?.description.contains("exp: device error") == true, "\(error!)")
  }

  @Test func nothingIsChangedInPlaceAfterAnError() throws {
    let x = Tensor.ones([4])
    #expect(throws: TorchError.self) {
      try throwingResourceErrors {
        _ = Tensor.zeros(Self.tooLarge)
        x.addInPlace(.ones([4]))
      }
    }
    #expect(x.floats == [1, 1, 1, 1])
  }

  @Test func aStreamedMatrixThatCannotBeReadIsThrown() {
    struct DiskError: Error {}
    let streamed = StreamedMatrix([5, 3]) { throw DiskError() }
    #expect(throws: DiskError.self) {
      try throwingResourceErrors {
        #expect(streamed.linear(.ones([2, 3]), nil).shape == [2, 5])
      }
    }
  }

  /// Every operator of ours gives the shape that it has with elements.
  @Test(arguments: FusedCase.small)
  func fusedOperatorsHaveShapes(_ fused: FusedCase) throws {
    let inputs = fused.inputs(RandomGenerator(seed: 1))
    let expected = withoutGradients { fused.fused(inputs).map(\.shape) }
    var found: [[Int]] = []
    #expect(throws: TorchError.self) {
      try throwingResourceErrors {
        _ = Tensor.zeros(Self.tooLarge)
        found = withoutGradients { fused.fused(inputs).map(\.shape) }
      }
    }
    #expect(found == expected)
  }
}
