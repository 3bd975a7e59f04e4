import Torch

/// The weights of one block, which are there while the block is computed.
protocol BlockWeights: AnyObject {
  var parameters: [Parameter] { get }
  /// The leaves of the graph that stand for the weights and collect their gradients.
  var leaves: [Tensor] { get }
  /// The values of the parameters, outside of the graph.
  func materialized() throws -> [Tensor]
  /// The gradients of the leaves from those of the parameters; nil for none.
  func leafGradients(_ gradients: [Tensor?]) throws -> [Tensor?]
}

extension BlockWeights {
  /// Runs `body` with `values` in place of the parameters'.
  func with<Result>(_ values: [Tensor], _ body: () throws -> Result) rethrows -> Result {
    let present = parameters.map(\.value)
    for (parameter, value) in zip(parameters, values) { parameter.value = value }
    defer { for (parameter, value) in zip(parameters, present) { parameter.value = value } }
    return try body()
  }
}

/// The weights of a block that every rank holds.
final class WholeWeights: BlockWeights {
  let parameters: [Parameter]

  init(_ parameters: [Parameter]) { self.parameters = parameters }

  var leaves: [Tensor] { parameters.map(\.value) }
  func materialized() -> [Tensor] { parameters.map { $0.value.detached() } }
  func leafGradients(_ gradients: [Tensor?]) -> [Tensor?] { gradients }
}
