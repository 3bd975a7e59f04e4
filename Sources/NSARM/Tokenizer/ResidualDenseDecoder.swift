import Torch

/// A decoder for those who can wait: the network of ESRGAN (RRDBNet; Wang et al., 2018), whose
/// dense blocks read the low-quality picture at its own resolution. The code joins after them.
/// Without its code it is Real-ESRGAN's large network, whose weights it takes under their names.
public struct ResidualDenseDecoder: LatentDecoder {
  /// h ← h + 0.2 · conv5(x, x1, x2, x3, x4), where each x_i sees all before it.
  struct DenseBlock {
    let convolutions: [Conv2d]

    init(_ c: ResidualDenseConfiguration, _ p: ParameterScope) throws {
      convolutions = try (0..<5).map { i in
        try Conv2d(
          c.channels + i * c.growth, i < 4 ? c.growth : c.channels, role: .kernel.dense,
          gain: i < 4 ? 1.4 : 1, p / "conv\(i + 1)")
      }
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      var features = x
      for convolution in convolutions.dropLast() {
        features = .concatenated([features, convolution(features, leaky: slope)], 1)
      }
      return x + convolutions[4](features) * residualShare
    }
  }

  /// h ← h + 0.2 · (three dense blocks).
  struct Block {
    let parts: [DenseBlock]

    init(_ c: ResidualDenseConfiguration, _ p: ParameterScope) throws {
      parts = try (1...3).map { try DenseBlock(c, p / "rdb\($0)") }
    }

    var convolutions: [Conv2d] { parts.flatMap(\.convolutions) }

    func callAsFunction(_ x: Tensor) -> Tensor {
      x + parts.reduce(x) { $1($0) } * residualShare
    }
  }

  private static let slope = DenseWorkspace.slope
  private static let residualShare = DenseWorkspace.scale

  let scale: Int
  private let growth: Int
  let convFirst, convBody, convHigh, convLast: Conv2d
  let body: [Block]
  /// One for each doubling of the resolution.
  let convUp: [Conv2d]
  let code: CodeBranch?

  /// - Parameter scale: of the model, a power of two.
  init(
    _ c: ResidualDenseConfiguration, code: CodeBranch?, scale: Int, _ p: ParameterScope
  ) throws {
    self.scale = scale
    self.code = code
    growth = c.growth
    let role = WeightRole.kernel.quantizable
    convFirst = try Conv2d(3, c.channels, role: .kernel.packed, p / "conv_first")
    body = try (0..<c.blocks).map { try Block(c, p / "body" / $0) }
    convBody = try Conv2d(c.channels, c.channels, role: role, p / "conv_body")
    convUp = try (0..<scale.trailingZeroBitCount).map {
      try Conv2d(c.channels, c.channels, role: role, gain: 1.4, p / "conv_up\($0 + 1)")
    }
    convHigh = try Conv2d(c.channels, c.channels, role: role, gain: 1.4, p / "conv_hr")
    convLast = try Conv2d(c.channels, 3, role: .kernel.packed, p / "conv_last")
  }

  public func callAsFunction(
    _ latent: Tensor?, lowQuality: Tensor?, progress: (Double) throws -> Void
  ) rethrows -> Tensor {
    precondition(lowQuality != nil, "this decoder needs the low-quality picture")
    let first = convFirst(((lowQuality! + 1) * 0.5).channelsLast())
    var h = try bodyOutput(first, progress)
    h = convBody(h, plus: first)
    if let latent, let code { h = h + code(latent) }
    return try enlarged(h, progress)
  }

  /// The share of all operations that the body takes.
  private var bodyShare: Double {
    body.reduce(0) { $0 + $1.convolutions.reduce(0) { $0 + $1.operations } } / operationsPerPixel
  }

  private func bodyOutput(_ first: Tensor, _ progress: (Double) throws -> Void) rethrows -> Tensor {
    let share = bodyShare / Double(body.count)
    guard DenseWorkspace.accepts(first, body.flatMap(\.convolutions)) else {
      var h = first
      for (i, block) in body.enumerated() {
        h = block(h)
        try progress(Double(i + 1) * share)
      }
      return h
    }
    let workspace = DenseWorkspace(first, growth: growth)
    for (i, block) in body.enumerated() {
      workspace.residualInResidual(block.convolutions)
      try progress(Double(i + 1) * share)
    }
    return workspace.result
  }

  /// The picture of the features at its full size, in strips: there the features take sixteen times
  /// the memory.
  private func enlarged(_ h: Tensor, _ progress: (Double) throws -> Void) rethrows -> Tensor {
    guard !h.requiresGradient else { return picture(h) }
    let height = h.size(2)
    var strips: [Tensor] = []
    for top in stride(from: 0, to: height, by: Self.stripRows) {
      let bottom = min(top + Self.stripRows, height)
      // What the strip's convolutions see beyond it.
      let (first, end) = (max(0, top - Self.headReach), min(height, bottom + Self.headReach))
      let strip = picture(h.narrowed(2, from: first, count: end - first))
      strips.append(
        strip.narrowed(2, from: (top - first) * scale, count: (bottom - top) * scale))
      try progress(bodyShare + Double(bottom) / Double(height) * (1 - bodyShare))
    }
    return .concatenated(strips, 2)
  }

  /// Rows of the low-quality picture that are enlarged at once.
  private static let stripRows = 32
  /// Rows on each side that a strip depends on: one at every resolution, and two at the last.
  private static let headReach = 3

  private func picture(_ h: Tensor) -> Tensor {
    let high = convUp.reduce(h) { $1(enlarged: $0, leaky: Self.slope) }
    return convLast(convHigh(high, leaky: Self.slope)).to(.float32) * 2 - 1
  }

  // MARK: Cost

  public var readsLowQuality: Bool { true }

  public var parametersBeforeLatent: [Parameter] {
    ([convFirst, convBody] + body.flatMap(\.convolutions)).flatMap { [$0.weight, $0.bias!] }
  }

  /// Low-quality pixels along the side of a cell.
  private var pixelsPerCell: Int { code?.pixelsPerCell ?? 1 }

  /// The body sees hundreds of pixels, and its textures depend on them: no margin that is worth
  /// computing makes windows agree, so that they fade into each other.
  public var reach: Int { (16 + pixelsPerCell - 1) / pixelsPerCell }
  public var overlap: Int { (8 + pixelsPerCell - 1) / pixelsPerCell }

  /// Per pixel of the low-quality picture.
  private var operationsPerPixel: Double {
    let low = [convFirst, convBody] + body.flatMap(\.convolutions)
    var sum = low.reduce(0) { $0 + $1.operations }
    var positions = 1.0
    for convolution in convUp {
      positions *= 4
      sum += positions * convolution.operations
    }
    return sum + positions * (convHigh.operations + convLast.operations)
  }

  public var operationsPerCell: Double {
    Double(pixelsPerCell * pixelsPerCell) * operationsPerPixel + (code?.operationsPerCell ?? 0)
  }

  public var valuesPerPixel: Double {
    Double(body[0].parts[0].convolutions[4].weight.value.size(1)) / Double(scale * scale)
  }
}
