import NSARM
import Torch

/// Information that a frame of a video takes over from the frame before, along motion.
public struct TemporalPrior: Sendable {
  /// A distance in tokens.
  public struct Displacement: Sendable {
    public var rows, columns: Float

    public init(rows: Float, columns: Float) {
      self.rows = rows
      self.columns = columns
    }
  }

  /// The way from every token of the frame's grid, row by row, to the place of its content in the
  /// scene's first frame; nil: the same places.
  public var displacements: [Displacement]?
  /// The certainty that each token shows the same content as the frame before, 0...1; nil: none.
  public var certainties: [Float]?
  /// The codes of the frame before.
  public var earlier: FrameCodes?
  /// The number added to the log odds of a bit's previous value where the content is surely the
  /// same.
  public var hysteresis = 2.0

  public init() {}
}

/// The codes of all tiles of a frame.
public struct FrameCodes: Sendable {
  /// The bits of all tiles for every scale, `[T, L, D]`, boolean, on the CPU.
  public let bits: [Tensor]
  /// The places of each token's content on the grid of the scene's first frame, for every scale,
  /// `[T, L, 2]`, int64: row and column.
  public let places: [Tensor]

  public init(bits: [Tensor], places: [Tensor]) {
    self.bits = bits
    self.places = places
  }

  /// Makes the codes of a frame tile by tile.
  struct Builder {
    private let context: TemporalPrior
    private let layout: TileLayout
    /// Places of the frame before, as `[scale][tile · L + token]`.
    private let earlierPlaces: [[Int64]]
    private var bits: [[Int: Tensor]] = []
    private var places: [[Int: [Int64]]] = []

    init(_ context: TemporalPrior, _ layout: TileLayout) {
      self.context = context
      self.layout = layout
      precondition(
        [context.displacements?.count, context.certainties?.count]
          .allSatisfy { $0 ?? layout.gridCount == layout.gridCount }, "values for every token")
      earlierPlaces = context.earlier?.places.map { $0.values(Int64.self) } ?? []
    }

    /// The information carried to some tiles, scale by scale.
    func carried(_ tiles: [Int], on device: Device) -> [TemporalBias] {
      layout.schedule.tokens.indices.map { k in
        let displacements = tiles.flatMap { self.displacements($0, scale: k) }
        let biases = tiles.enumerated().compactMap { i, tile in
          earlierBits(tile, scale: k, places: places(tile, k, displacements, at: i))
        }
        let bias = biases.isEmpty ? nil : Tensor.stacked(biases)  // [B, L, D]
        return TemporalBias(displacements: displacements, bias: bias?.to(device))
      }
    }

    /// Takes the bits `[B, d, h_k, w_k]` of some tiles.
    mutating func add(_ tiles: [Int], _ scales: [Tensor], _ carried: [TemporalBias]) {
      if bits.isEmpty {
        bits = Array(repeating: [:], count: scales.count)
        places = Array(repeating: [:], count: scales.count)
      }
      for (k, map) in scales.enumerated() {
        let tokens = layout.schedule.tokens(map.to(.uint8)).to(.cpu).to(.bool)  // [B, L, D]
        for (i, tile) in tiles.enumerated() {
          bits[k][tile] = tokens.selected(0, i)
          places[k][tile] = places(tile, k, carried[k].displacements, at: i)
        }
      }
    }

    /// The codes of all tiles, once they have been added.
    var codes: FrameCodes {
      FrameCodes(
        bits: bits.map { scale in .stacked((0..<layout.count).map { scale[$0]! }) },
        places: places.map { scale in
          let values = (0..<layout.count).flatMap { scale[$0]! }
          return Tensor(values, shape: [layout.count, values.count / layout.count / 2, 2])
        })
    }

    // MARK: Places

    /// The displacements of a tile's tokens at scale k, each that of the token of the last scale in
    /// its middle.
    private func displacements(_ tile: Int, scale k: Int) -> [GridOffset] {
      let size = layout.schedule.tokens[k]
      guard let finest = context.displacements else {
        return Array(repeating: .zero, count: size.count)
      }
      let (rows, columns) = (layout.rows.tile, layout.columns.tile)
      let origin = layout.origin(tile)
      var result: [GridOffset] = []
      for y in 0..<size.height {
        let row = origin.row + (2 * y + 1) * rows / (2 * size.height)
        for x in 0..<size.width {
          let column = origin.column + (2 * x + 1) * columns / (2 * size.width)
          let moved = finest[row * layout.columns.length + column]
          result.append(
            GridOffset(
              row: Int((moved.rows * Float(size.height) / Float(rows)).rounded()),
              column: Int((moved.columns * Float(size.width) / Float(columns)).rounded())))
        }
      }
      return result
    }

    /// Rows and columns of a tile's tokens on the grid of the scene's first frame, in turn.
    private func places(
      _ tile: Int, _ k: Int, _ displacements: [GridOffset], at index: Int
    ) -> [Int64] {
      let (size, origin) = (layout.schedule.tokens[k], layout.origin(tile, scale: k))
      return (0..<size.count).flatMap { token in
        let place =
          origin + GridOffset(row: token / size.width, column: token % size.width)
          + displacements[index * size.count + token]
        return [Int64(place.row), Int64(place.column)]
      }
    }

    // MARK: Bits

    /// The previous frame's bits for a tile, `[L, D]`: those of the tile's token that showed the
    /// same place. Other tiles have other codes for it.
    private func earlierBits(_ tile: Int, scale k: Int, places: [Int64]) -> Tensor? {
      guard let earlier = context.earlier, let certainties = context.certainties,
        earlier.bits.indices.contains(k)
      else { return nil }
      let count = layout.schedule.tokens[k].count
      let old = Array(earlierPlaces[k][tile * count * 2..<(tile + 1) * count * 2])
      func place(_ values: [Int64], _ token: Int) -> GridOffset {
        GridOffset(row: Int(values[2 * token]), column: Int(values[2 * token + 1]))
      }
      var tokens: [GridOffset: Int64] = [:]
      for token in 0..<count { tokens[place(old, token)] = Int64(token) }
      var (sources, weights): ([Int64], [Float]) = ([], [])
      for token in 0..<count {
        let source = tokens[place(places, token)]
        sources.append(source ?? 0)
        weights.append(source == nil ? 0 : certainty(tile, k, token, certainties))
      }
      let bits = earlier.bits[k].selected(0, tile).selected(0, indices: Tensor(sources))  // [L, D]
      let strength = Tensor(weights) * context.hysteresis
      return (bits.to(.float32) * 2 - 1) * strength.unsqueezed(1)
    }

    /// The mean over the tokens of the last scale that a token of scale k covers.
    private func certainty(_ tile: Int, _ k: Int, _ token: Int, _ finest: [Float]) -> Float {
      let (size, origin) = (layout.schedule.tokens[k], layout.origin(tile))
      func covered(_ i: Int, _ count: Int, _ all: Int) -> Range<Int> {
        let first = i * all / count
        return first..<max((i + 1) * all / count, first + 1)
      }
      let rows = covered(token / size.width, size.height, layout.rows.tile)
      let columns = covered(token % size.width, size.width, layout.columns.tile)
      var sum: Float = 0
      for row in rows {
        for column in columns {
          sum += finest[(origin.row + row) * layout.columns.length + origin.column + column]
        }
      }
      return sum / Float(rows.count * columns.count)
    }
  }
}

extension TileLayout {
  /// Tokens of the whole picture.
  fileprivate var gridCount: Int { rows.length * columns.length }
}

extension SuperResolver {
  /// The grid that a `TemporalPrior` describes: the tokens over a picture and beyond, with a
  /// token's side in pixels. Models without a code have no tokens; their grid has squares of 8
  /// pixels.
  public func tokenGrid(width: Int, height: Int, _ options: Options = Options()) throws
    -> (grid: GridSize, side: Int)
  {
    guard scaleCount(options) > 0 else {
      let side = 8
      return (GridSize((height + side - 1) / side, (width + side - 1) / side), side)
    }
    let layout = try TileLayout(
      model.configuration, width: width, height: height, overlap: options.overlap)
    return (
      GridSize(layout.rows.length, layout.columns.length),
      layout.cellsPerToken * layout.pixelsPerCell
    )
  }
}
