import Torch

/// Floating-point operations of matrix products, convolutions and attention; a multiplication with its
/// addition is two.
public struct OperationCount: Codable, Equatable, Sendable {
  /// What is done to every tile: its condition and prefix, and its bits.
  public var prefix = 0.0
  public var transformer = 0.0
  /// The decoder over all windows.
  public var decoder = 0.0

  public var total: Double { prefix + transformer + decoder }
}

extension SuperResolver {
  /// The operations that a picture of this size takes, overlaps of tiles and margins of windows included.
  ///
  /// # Formula
  /// A weight matrix costs 2 · elements per token, a kernel 2 · elements per position, attention
  /// 4 C L_q L_kv per block and scale.
  public func operationCount(width: Int, height: Int, _ options: Options = Options()) throws
    -> OperationCount
  {
    let layout = try TileLayout(
      model.configuration, width: width, height: height, overlap: options.overlap)
    return operationCount(
      layout, DecodingPlan(layout, width: width, height: height, options, model),
      options)
  }

  func operationCount(_ layout: TileLayout, _ plan: DecodingPlan, _ options: Options)
    -> OperationCount
  {
    let branches = (options.sampling ?? model.configuration.sampling).guidance == 1 ? 1.0 : 2.0
    let tiles = Double(layout.count)
    var count = OperationCount()
    count.prefix = tiles * (prefixOperations(layout) + branches * conditionOperations(layout))
    count.transformer = tiles * branches * transformerOperations(layout)
    count.decoder = Double(plan.decodedCells(of: layout.latent)) * model.decoder.operationsPerCell
    return count
  }

  /// Per tile: the bits of all scales.
  private func transformerOperations(_ layout: TileLayout) -> Double {
    guard let c = model.configuration.transformer else { return 0 }
    let tokens = layout.schedule.tokens.map { Double($0.count) }
    let all = tokens.reduce(0, +)
    let forced = model.transformationNetwork?.scaleCount ?? 0
    let sampled = tokens.dropFirst(forced).reduce(0, +)
    var operations = 0.0
    for (name, elements) in matrices(.transformer) {
      if name.hasPrefix("block") {
        operations += 2 * elements * all
      } else if name == "word_embed.weight" {
        operations += 2 * elements * (all - 1)
      } else if name == "head.weight" {
        operations += 2 * elements * sampled
      }
    }
    var before = 0.0
    for count in tokens {
      before += count
      operations += 4 * Double(c.width * c.depth) * count * before
    }
    return operations
  }

  /// Per tile: what the transformer is conditioned on.
  private func conditionOperations(_ layout: TileLayout) -> Double {
    guard let picture = model.configuration.transformer?.picture else { return 0 }
    let pixels = Double(layout.tilePixels)
    return kernels(.transformer).reduce(0) { sum, kernel in
      kernel.name.hasPrefix("picture_condition")
        ? sum + 2 * kernel.elements * pixels / Double(picture.patch * picture.patch) : sum
    }
  }

  /// Per tile: the transformation network, and the encoder where it reads the latent.
  private func prefixOperations(_ layout: TileLayout) -> Double {
    let pixels = Double(layout.tilePixels)
    switch model.configuration.transformationNetwork {
    case nil: return 0
    case .convolutional(let c):
      let cells = pixels / Double(c.patch * c.patch)
      return kernels(.transformationNetwork).reduce(0) { sum, kernel in
        guard kernel.name.hasPrefix("output.") else { return sum + 2 * kernel.elements * cells }
        let side = Double(c.scales[index(in: kernel.name)])
        return sum + 2 * kernel.elements * side * side
      }
    case .published(let c):
      var operations = kernels(.transformationNetwork).reduce(0) {
        $0 + 2 * $1.elements * Double(c.size * c.size)
      }
      for (name, elements) in matrices(.transformationNetwork) {
        let tokens = Double(c.scales[index(in: name)] * c.scales[index(in: name)])
        operations += 2 * elements * tokens
        if name.hasSuffix("in_proj_weight") {
          operations += 4 * Double(c.widths[index(in: name)]) * tokens * tokens
        }
      }
      return operations + encoderOperations(pixels)
    }
  }

  private func encoderOperations(_ pixels: Double) -> Double {
    let c = model.configuration.tokenizer
    return kernels(.encoder).reduce(0) { sum, kernel in
      var halvings = c.downsampledLevels
      if kernel.name.hasPrefix("conv_in") { halvings = 0 }
      if kernel.name.hasPrefix("down.") {
        let level = index(in: kernel.name)
        halvings = min(level + (kernel.name.contains("downsample") ? 1 : 0), halvings)
      }
      let side = Double(c.stemPatch << halvings)
      return sum + 2 * kernel.elements * pixels / (side * side)
    }
  }

  // MARK: Parameters

  /// Names without the part's prefix, and numbers of elements.
  private func weights(_ part: Model.Part, rank: Int) -> [(name: String, elements: Double)] {
    model.parameters(of: part).filter { $0.value.rank == rank }.map {
      (String($0.name.dropFirst(part.rawValue.count)), Double($0.value.count))
    }
  }

  private func matrices(_ part: Model.Part) -> [(name: String, elements: Double)] {
    weights(part, rank: 2)
  }

  private func kernels(_ part: Model.Part) -> [(name: String, elements: Double)] {
    weights(part, rank: 4)
  }

  /// The first number in a name: "up.1.block.0" → 1.
  private func index(in name: String) -> Int {
    name.split(separator: ".").lazy.compactMap { Int($0) }.first ?? 0
  }
}
