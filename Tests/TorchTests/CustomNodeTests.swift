import Testing

@testable import Torch

/// Nodes of closures against plain autograd, for y = exp(x w) + x, computed again by the backward
/// pass.
@Suite struct CustomNodeTests {
  private let x = Tensor([0.5, -1, 2, 0.25, 1, -0.5] as [Double], shape: [2, 3])
  private let w = Tensor([0.3, -0.2, 0.7] as [Double])

  init() {
    x.requiresGradient = true
    w.requiresGradient = true
  }

  private static func block(_ x: Tensor, _ w: Tensor) -> Tensor { (x * w).exp() + x }

  /// The block as a node that keeps its inputs alone.
  private static func node(
    _ x: Tensor, _ w: Tensor, object: AnyObject? = nil, error: (any Error)? = nil
  ) throws -> Tensor {
    let inputs = [x.detached(), w.detached()]
    return try customNode([x, w]) {
      [block(inputs[0], inputs[1])]
    } backward: { gradients in
      withExtendedLifetime(object) {}
      if let error { throw error }
      guard let gradient = gradients[0] else { return [nil, nil] }
      return try withGradients {
        let leaves = inputs.map { $0.detached() }
        for leaf in leaves { leaf.requiresGradient = true }
        return try Torch.gradients(
          of: [block(leaves[0], leaves[1])], weights: [gradient], with: leaves)
      }
    }[0]
  }

  private func gradients(_ make: (Tensor, Tensor) throws -> Tensor) throws -> [[Double]] {
    defer { for leaf in [x, w] { leaf.clearGradient() } }
    try make(x, w).square().sum().backward()
    return [x, w].map { $0.gradient!.values() }
  }

  @Test func gradientsAreThoseOfAutograd() throws {
    #expect(try gradients { try Self.node($0, $1) } == gradients { Self.block($0, $1) })
  }

  @Test func nodesAreNested() throws {
    let plain = try gradients { Self.block(Self.block($0, $1), $1) }
    let nested = try gradients { x, w in
      let inputs = [x.detached(), w.detached()]
      return try customNode([x, w]) {
        [Self.block(Self.block(inputs[0], inputs[1]), inputs[1])]
      } backward: { gradients in
        try withGradients {
          let leaves = inputs.map { $0.detached() }
          for leaf in leaves { leaf.requiresGradient = true }
          let y = try Self.node(Self.node(leaves[0], leaves[1]), leaves[1])
          try (y * gradients[0]!).sum().backward()
          return leaves.map(\.gradient)
        }
      }[0]
    }
    #expect(nested == plain)
  }

  @Test func gradientsAreThoseOfDifferences() throws {
    let exact = try gradients { try Self.node($0, $1) }
    let step = 1e-6
    for index in 0..<3 {
      let losses = [step, -step].map { step in
        var values: [Double] = w.values()
        values[index] += step
        return withoutGradients { Self.block(x, Tensor(values)).square().sum().item }
      }
      let difference = (losses[0] - losses[1]) / (2 * step)
      #expect(abs(exact[1][index] - difference) <= 1e-6 * max(1, abs(difference)))
    }
  }

  @Test func outputsThatAreNotUsedHaveNoGradient() throws {
    var given: [Bool] = []
    let outputs = try customNode([x]) {
      [x.detached() * 2, x.detached() * 3]
    } backward: { gradients in
      given = gradients.map { $0 != nil }
      return [gradients[1]! * 3]
    }
    try outputs[1].sum().backward()
    #expect(given == [false, true])
    #expect(x.gradient!.values(Double.self) == [Double](repeating: 3, count: 6))
  }

  @Test func inputsMayHaveNoGradient() throws {
    let y = try customNode([x, w]) {
      [x.detached() * w.detached()]
    } backward: { gradients in
      [gradients[0]!, nil]
    }[0]
    try y.sum().backward()
    #expect(x.gradient != nil && w.gradient == nil)
  }

  private struct Trouble: Error, Equatable { let number: Int }

  @Test func errorsComeOutOfBackward() throws {
    #expect(throws: Trouble(number: 1)) {
      try Self.node(x, w, error: Trouble(number: 1)).sum().backward()
    }
    #expect(throws: Trouble(number: 2)) {
      _ = try Torch.gradients(
        of: [Self.node(x, w, error: Trouble(number: 2)).sum()], with: [x])
    }
    // Through a node around it.
    #expect(throws: Trouble(number: 3)) {
      let input = x.detached(), weight = w.detached()
      let y = try customNode([x]) {
        [Self.block(input, weight)]
      } backward: { gradients in
        try withGradients {
          let leaf = input.detached()
          leaf.requiresGradient = true
          let y = try Self.node(leaf, weight, error: Trouble(number: 3))
          return try Torch.gradients(of: [y], weights: [gradients[0]!], with: [leaf])
        }
      }[0]
      try y.sum().backward()
    }
    #expect(throws: Trouble(number: 4)) {
      try customNode([x]) {
        throw Trouble(number: 4)
      } backward: { _ in
        [nil]
      }
    }
    #expect(try gradients { try Self.node($0, $1) } == gradients { Self.block($0, $1) })
  }

  @Test func aLackOfMemoryInAClosureIsThrown() throws {
    let error = #expect(throws: TorchError.self) {
      let y = try customNode([x]) {
        [x.detached()]
      } backward: { _ in
        [Tensor.zeros([1 << 24, 1 << 24, 8])]
      }[0]
      try y.sum().backward()
    }
    #expect(error?.kind == .outOfMemory)
    #expect(Tensor.ones([2]).sum().item == 2)
  }

  private final class Kept {}

  @Test(arguments: [false, true]) func closuresEndWithTheGraph(_ runs: Bool) throws {
    weak var kept: Kept?
    do {
      let object = Kept()
      kept = object
      let y = try Self.node(x, w, object: object)
      if runs { try y.sum().backward() }
    }
    #expect(kept == nil)
  }

  @Test func withoutGradientsThereIsNoNode() throws {
    weak var kept: Kept?
    do {
      let object = Kept()
      kept = object
      let y = try withoutGradients { try Self.node(x, w, object: object) }
      #expect(!y.requiresGradient)
      let z = try Self.node(x.detached(), w.detached(), object: object)
      #expect(!z.requiresGradient)
    }
    #expect(kept == nil)
  }
}
