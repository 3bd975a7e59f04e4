import Testing

@testable import Torch

@Suite struct AutocastTests {
  /// 1 + 2⁻¹⁰ is 1 in bfloat16: a product tells which type it was computed in.
  private let x = Tensor.full([4, 4], 1 + 0x1p-10)
  private let identity = aten(Operator("eye"), 4)

  private var isExact: Bool { x.matmul(identity).floats[0] == Float(1 + 0x1p-10) }

  @Test func regionsNestAndRestoreTheOuterType() throws {
    struct Failure: Error {}
    func product() -> DType { x.matmul(identity).dtype }
    #expect(product() == .float32)
    withAutocast(.bfloat16, on: .cpu) {
      #expect(product() == .bfloat16)
      withAutocast(.float16, on: .cpu) {
        #expect(product() == .float16)
        withAutocast(.float32, on: .cpu) {
          #expect(product() == .float32)
          withAutocast(.bfloat16, on: .cpu) { #expect(product() == .bfloat16) }
          #expect(product() == .float32)
        }
        #expect(product() == .float16)
      }
      #expect(product() == .bfloat16)
      #expect(throws: Failure.self) { try withAutocast(.float32, on: .cpu) { throw Failure() } }
      #expect(product() == .bfloat16)
    }
    #expect(product() == .float32)
  }

  @Test func float32InsideBFloat16IsExact() {
    withAutocast(.bfloat16, on: .cpu) {
      #expect(!isExact)
      withAutocast(.float32, on: .cpu) { #expect(isExact) }
      #expect(!isExact)
    }
    #expect(isExact)
  }

  @Test func theCacheOfWeightsFollowsTypesAndUpdates() throws {
    let weight = Tensor.full([4, 4], 1)
    weight.requiresGradient = true
    func output() -> Tensor { x.linear(weight) }
    withAutocast(.bfloat16, on: .cpu) {
      #expect(output().dtype == .bfloat16)
      // A weight cached in bfloat16 must not be used here.
      withAutocast(.float16, on: .cpu) { #expect(output().dtype == .float16) }
      #expect(output().dtype == .bfloat16)
    }
    withoutGradients { weight.copyInPlace(.full([4, 4], 2)) }
    withAutocast(.bfloat16, on: .cpu) { #expect(output().floats[0] == 8) }
  }

  @Test func policiesSetTheirArithmetic() throws {
    let (narrow, wide) = (try ComputePolicy(.bfloat16), ComputePolicy.float32)
    narrow {
      #expect(!isExact)
      wide { #expect(isExact) }
    }
  }

  @Test func otherThreadsAreNotConcerned() async {
    let dtype = await withAutocast(.bfloat16, on: .cpu) {
      Task.detached { Tensor.ones([2, 2]).matmul(.ones([2, 2])).dtype }
    }.value
    #expect(dtype == .float32)
  }
}
