import Torch

/// The weights of some parameters, of which every rank keeps a part (ZeRO-3 and FSDP): float32
/// masters with their averages. The whole ones are gathered where they are needed, those of matrix
/// products in the type that products are computed in; their gradients are averaged over the ranks
/// and divided among them. Between these times the parameters are placeholders.
final class ShardedWeights: BlockWeights {
  /// Parameters that are gathered in one element type.
  private struct Part {
    let indices: [Int]
    let layout: FlatLayout
    let type: DType
    /// This rank's masters, a leaf of the graph, and their averages.
    let masters, averages: Tensor
  }

  let parameters: [Parameter]
  private let group: ProcessGroup
  private let parts: [Part]
  /// Whether the averages are gathered in place of the weights.
  var readsAverages = false
  /// Whether a gradient of the parameter has come since `clearUse`, by parameter.
  private(set) var isUsed: [Bool]

  /// - Parameters:
  ///   - parameters: their values, the same on every rank, are replaced by placeholders.
  ///   - type: the element type of matrix products.
  init(_ parameters: [Parameter], products type: DType, _ group: ProcessGroup) {
    self.parameters = parameters
    self.group = group
    isUsed = parameters.map { _ in false }
    let (wide, products) = (
      parameters.indices.filter { parameters[$0].role.isWide || type == .float32 },
      parameters.indices.filter { !parameters[$0].role.isWide && type != .float32 }
    )
    parts = [(wide, DType.float32), (products, type)].filter { !$0.0.isEmpty }.map {
      indices, type in
      let layout = FlatLayout(shapes: indices.map { parameters[$0].value.shape }, ranks: group.size)
      let masters = Tensor.zeros([layout.partCount], on: parameters[indices[0]].value.device)
      for slice in layout.slices(of: group.rank) {
        let value = parameters[indices[slice.index]].value
        slice.view(inPart: masters).copyInPlace(slice.elements(of: value))
      }
      let averages = masters.cloned()
      masters.requiresGradient = true
      return Part(
        indices: indices, layout: layout, type: type, masters: masters, averages: averages)
    }
    for parameter in parameters {
      let value = parameter.value
      parameter.value = Tensor.zeros([], on: value.device).expanded(value.shape)
    }
  }

  var leaves: [Tensor] { parts.map(\.masters) }

  func materialized() throws -> [Tensor] {
    var values = [Tensor?](repeating: nil, count: parameters.count)
    for part in parts {
      let own = (readsAverages ? part.averages : part.masters.detached()).to(part.type)
      let all = Tensor.empty([part.layout.count], part.type, on: own.device)
      try group.allGather(own, into: all)
      for (index, view) in zip(part.indices, part.layout.views(of: all)) { values[index] = view }
    }
    return values.map { $0! }
  }

  func leafGradients(_ gradients: [Tensor?]) throws -> [Tensor?] {
    for (index, gradient) in gradients.enumerated() where gradient != nil { isUsed[index] = true }
    return try parts.map { part in
      let all = Tensor.zeros([part.layout.count], on: part.masters.device)
      for (index, view) in zip(part.indices, part.layout.views(of: all)) {
        gradients[index].map(view.copyInPlace)
      }
      let own = Tensor.empty([part.layout.partCount], on: part.masters.device)
      try group.reduceScatter(all, into: own)
      return own / Double(group.size)
    }
  }

  func clearUse() { isUsed = parameters.map { _ in false } }

  /// Lets the averages follow the weights.
  func average(rate: Double) {
    lerpInPlace(parts.map(\.averages), to: parts.map { $0.masters.detached() }, rate: rate)
  }

  /// A piece of a parameter on this rank.
  struct Piece {
    /// The parameter.
    let index: Int
    let elements: Range<Int>
    /// Views of the masters and of their averages.
    let master, average: Tensor
    /// A view of the gradients, after a backward pass.
    let gradient: () -> Tensor
  }

  /// The pieces of parameters that this rank has, one of each at most.
  var pieces: [Piece] {
    parts.flatMap { part in
      part.layout.slices(of: group.rank).map { slice in
        Piece(
          index: part.indices[slice.index], elements: slice.elements,
          master: slice.view(inPart: part.masters.detached()),
          average: slice.view(inPart: part.averages)
        ) { slice.view(inPart: part.masters.gradient!) }
      }
    }
  }

  /// The number of elements of masters, or of averages.
  var elementCount: Int { parts.reduce(0) { $0 + $1.masters.count } }
}
