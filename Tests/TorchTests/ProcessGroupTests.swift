import Foundation
import TestSupport
import Testing
import Torch

/// Ranks are threads here, each with a group of its own; Gloo connects them by TCP all the same.
@Suite(.ownThreads) struct ProcessGroupTests {
  @Test(arguments: 1...4) func sumsAreThoseOfAllRanks(_ size: Int) throws {
    let all = inRanks(size) { group in
      let x = Tensor.full([3], Double(group.rank + 1))
      let y = Tensor.range(6, .float32).reshaped([2, 3]).transposed(0, 1)  // not contiguous
      let z = Tensor.full([2, 2], Double(group.rank), .bfloat16)
      try group.sum([x, y, z])
      return (x.floats, y.floats, z.floats, try group.mean(.full([1], Double(group.rank))).item)
    }
    let total = Float(size * (size + 1) / 2)
    for result in all {
      let (x, y, z, mean) = try result.get()
      #expect(x == [total, total, total])
      #expect(y == [0, 3, 1, 4, 2, 5].map { $0 * Float(size) })
      #expect(z == [Float](repeating: total - Float(size), count: 4))
      #expect(mean == Double(size - 1) / 2)
    }
  }

  @Test(arguments: 1...4) func partsAreGivenAndGathered(_ size: Int) throws {
    let all = inRanks(size) { group in
      var roots: [[Float]] = []
      for root in 0..<size {
        let x = Tensor.full([2], Double(group.rank)), n = Tensor([Int64(group.rank)])
        try group.broadcast([x, n], from: root)
        roots.append(x.floats + n.floats)
      }
      let part = Tensor.zeros([2])
      try group.reduceScatter(
        Tensor.range(2 * size, .float32) + Tensor.full([1], Double(group.rank)), into: part)
      let whole = Tensor.zeros([size, 2])
      try group.allGather(part, into: whole)
      try group.barrier()
      return (roots, part.floats, whole.floats)
    }
    let ranks = Float(size * (size - 1) / 2)
    let sums = (0..<2 * size).map { Float($0 * size) + ranks }
    for (rank, result) in all.enumerated() {
      let (roots, part, whole) = try result.get()
      #expect(roots == (0..<size).map { [Float](repeating: Float($0), count: 3) })
      #expect(part == Array(sums[2 * rank..<2 * rank + 2]))
      #expect(whole == sums)
    }
  }

  @Test func bytesAreCounted() throws {
    for result in inRanks(
      4,
      { group in
        try group.sum([.zeros([1000])])
        let sum = group.bytesSent
        try group.allGather(.zeros([100]), into: .zeros([400]))
        return [sum, group.bytesSent - sum]
      })
    {
      #expect(try result.get() == [2 * 4000 * 3 / 4, 3 * 400])
    }
  }

  @Test func aRankThatDoesNotJoinIsNamed() {
    let error = #expect(throws: ProcessGroupError.self) {
      try ProcessGroup(
        place(0, of: 3, port: freePort()), backend: .gloo, device: .cpu, timeout: .seconds(1))
    }
    #expect(error?.description == "ranks 1, 2 of 3 did not join within 1 s")
  }

  @Test func aMasterThatIsNotThereIsNamed() {
    let port = freePort()
    let error = #expect(throws: ProcessGroupError.self) {
      try ProcessGroup(
        place(1, of: 2, port: port), backend: .gloo, device: .cpu, timeout: .milliseconds(300))
    }
    #expect(error?.description.hasPrefix("no store at 127.0.0.1:\(port) within 0.3 s") == true)
  }

  @Test func aRankThatStaysAwayIsNamedToAllOthers() throws {
    let (isDone, isOver) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let all = inRanks(3, timeout: .seconds(4)) { group in
      var messages: [String] = []
      if group.rank == 1 {
        isOver.wait()
        return messages
      }
      for _ in 0..<2 {
        do {
          try group.barrier()
        } catch {
          messages.append("\(error)")
        }
      }
      if group.rank == 2 {
        isDone.signal()
      } else {
        isDone.wait()
        isOver.signal()
      }
      return messages
    }
    for rank in [0, 2] {
      let messages = try all[rank].get()
      #expect(messages.count == 2 && messages[0] == messages[1], "\(messages)")
      #expect(messages.allSatisfy { $0.hasPrefix("rank 1 (127.0.0.1) lives but did not come") })
    }
  }

  @Test func ncclNeedsAGPU() {
    let error = #expect(throws: ProcessGroupError.self) {
      try ProcessGroup(
        place(0, of: 1, port: freePort()), backend: .nccl, device: .cpu, timeout: .seconds(5))
    }
    #expect(error?.description == "NCCL is for GPUs, not for cpu")
  }

  @Test func aStoreIsShared() throws {
    let port = freePort()
    let server = try TCPStore(
      host: "127.0.0.1", port: port, isServer: true, timeout: .seconds(20))
    let client = try TCPStore(
      host: "127.0.0.1", port: port, isServer: false, timeout: .seconds(20))
    #expect(try !client.hasValue("key"))
    try server.set("key", "välue")
    #expect(try client.hasValue("key"))
    #expect(try client.value("key", timeout: .seconds(20)) == "välue")
    #expect(try client.add("count", 2) == 2)
    #expect(try server.add("count", 1) == 3)
    let error = #expect(throws: ProcessGroupError.self) {
      try client.value("other", timeout: .milliseconds(50))
    }
    #expect(error?.description.contains("'other'") == true)
    withExtendedLifetime(server) {}
  }
}
