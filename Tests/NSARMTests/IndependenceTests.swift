import Foundation
import ModelTestSupport
import Testing
import Torch

@testable import NSARM

@Suite struct IndependenceTests {
  /// Models that are built at once in two threads have the weights that each has when built alone.
  @Test func weightsDoNotDependOnOtherThreads() throws {
    let seeds: [UInt64] = [1, 2]
    let alone = try seeds.map { try weights(seed: $0) }
    #expect(alone[0] != alone[1])
    // Guarded by the lock.
    nonisolated(unsafe) var together = [[[Float]]?](repeating: nil, count: seeds.count)
    let lock = NSLock()
    DispatchQueue.concurrentPerform(iterations: 8) { index in
      let built = try? weights(seed: seeds[index % 2])
      lock.withLock {
        if let earlier = together[index % 2] { #expect(built == earlier) }
        together[index % 2] = built
      }
    }
    #expect(together == alone)
  }

  private func weights(seed: UInt64) throws -> [[Float]] {
    try TinyModel.make(seed: seed).store.parameters.map(\.value.floats)
  }
}
