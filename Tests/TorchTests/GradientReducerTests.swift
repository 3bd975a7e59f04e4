import TestSupport
import Testing
import Torch

/// Gradients of ranks against those of one process that has all samples.
@Suite(.ownThreads) struct GradientReducerTests {
  /// Two layers, and weights that only some losses depend on.
  private struct Network {
    let parameters: [Tensor]

    init() {
      let random = RandomGenerator(seed: 1)
      parameters = [[16, 24], [24, 4], [4], [4], [4]].map { .randn($0, using: random) }
      for parameter in parameters { parameter.requiresGradient = true }
    }

    /// `factor` and `offset`: whether the loss depends on these weights; it never does on the last.
    func loss(_ x: Tensor, factor: Bool, offset: Bool) -> Tensor {
      var y = x.matmul(parameters[0]).relu().matmul(parameters[1])
      if factor { y = y * parameters[2] }
      if offset { y = y + parameters[3] }
      return y.square().mean()
    }

    /// The gradients, which are cleared.
    func takeGradients() -> [[Float]?] {
      defer { for parameter in parameters { parameter.clearGradient() } }
      return parameters.map { $0.gradient?.floats }
    }
  }

  /// Two samples of each of `size` ranks and of each of two passes.
  private static func samples(_ step: Int, _ size: Int) -> Tensor {
    .randn([2, size, 2, 16], using: RandomGenerator(seed: UInt64(10 + step)))
  }

  private static func samples(_ all: Tensor, _ pass: Int, _ rank: Int) -> Tensor {
    all.narrowed(0, from: pass, count: 1).narrowed(1, from: rank, count: 1).reshaped([2, 16])
  }

  @Test(arguments: 1...3) func ranksAverageWhatOneProcessHas(_ size: Int) throws {
    let steps = 3
    // The first pass of rank 0 alone depends on the factor, the second of the last rank alone on
    // the offset.
    let network = Network()
    var expected: [[[Float]?]] = []
    for step in 0..<steps {
      let x = Self.samples(step, size)
      for pass in 0..<2 {
        for rank in 0..<size {
          let loss = network.loss(
            Self.samples(x, pass, rank), factor: pass == 0 && rank == 0,
            offset: pass == 1 && rank == size - 1)
          try (loss / Double(size)).backward()
        }
      }
      expected.append(network.takeGradients())
    }
    let all = inRanks(size) { group in
      let network = Network()
      let reducer = try GradientReducer(network.parameters, group, bucketBytes: 1024)
      var made: [[[Float]?]] = []
      for step in 0..<steps {
        let x = Self.samples(step, size)
        for pass in 0..<2 {
          let loss = network.loss(
            Self.samples(x, pass, group.rank), factor: pass == 0 && group.rank == 0,
            offset: pass == 1 && group.rank == size - 1)
          if pass == 1 { try reducer.prepare(loss) }
          try loss.backward()
        }
        made.append(network.takeGradients())
        for parameter in network.parameters { parameter.requiresGradient = false }
        for parameter in network.parameters { parameter.requiresGradient = true }
      }
      return made
    }
    for result in all {
      for (step, gradients) in try result.get().enumerated() {
        for (index, gradient) in gradients.enumerated() {
          expectClose(gradient, expected[step][index], "step \(step), parameter \(index)")
        }
      }
    }
    #expect(expected[0].map { $0 == nil } == [false, false, false, false, true])
  }

  @Test func gradientsThatWereDroppedDoNotReturn() throws {
    let all = inRanks(2) { group in
      let network = Network()
      let reducer = try GradientReducer(network.parameters, group)
      let x = Self.samples(0, 1).reshaped([4, 16])
      try network.loss(x, factor: true, offset: true).backward()
      _ = network.takeGradients()
      let loss = network.loss(x, factor: false, offset: true)
      try reducer.prepare(loss)
      try loss.backward()
      return network.takeGradients().map { $0 == nil }
    }
    for result in all { #expect(try result.get() == [false, false, true, false, true]) }
  }

  @Test func severalReducersShareAGroup() throws {
    let all = inRanks(2) { group in
      let w = Tensor.ones([3]), v = Tensor.ones([2])
      w.requiresGradient = true
      v.requiresGradient = true
      let first = try GradientReducer([w], group), second = try GradientReducer([v], group)
      var sums: [Float] = []
      for _ in 0..<2 {
        let loss = (w * Double(group.rank)).sum()
        try first.prepare(loss)
        try loss.backward()
        let other = (v * Double(10 * group.rank)).sum()
        try second.prepare(other)
        try other.backward()
        sums += [w.gradient!.floats[2], v.gradient!.floats[1]]
        w.clearGradient()
        v.clearGradient()
      }
      return sums
    }
    for result in all { #expect(try result.get() == [0.5, 5, 0.5, 5]) }
  }

  @Test func backwardNamesTheRankThatStaysAway() throws {
    let all = inRanks(2, timeout: .seconds(4)) { group in
      let w = Tensor.ones([3])
      w.requiresGradient = true
      let reducer = try GradientReducer([w], group)
      if group.rank == 1 { return "" }
      let loss = w.sum()
      try reducer.prepare(loss)
      do {
        try loss.backward()
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(try all[0].get() == "rank 1 (127.0.0.1) has left the group")
  }

  private func expectClose(_ made: [Float]?, _ expected: [Float]?, _ place: Comment) {
    guard let made, let expected else {
      #expect(made == nil && expected == nil, place)
      return
    }
    let scale = expected.map { abs($0) }.max()!
    let error = zip(made, expected).map { abs($0 - $1) }.max()!
    #expect(error <= 1e-6 * scale, place)
  }
}
