import Torch

/// Rows and columns of a grid of tokens or latent cells.
public struct GridSize: Hashable, Codable, Sendable, CustomStringConvertible {
  public var height, width: Int

  public init(_ height: Int, _ width: Int) {
    self.height = height
    self.width = width
  }

  /// Cells of the grid.
  public var count: Int { height * width }
  public var description: String { "\(height)x\(width)" }

  func isMultiple(of side: Int) -> Bool { height % side == 0 && width % side == 0 }

  public static func * (size: GridSize, factor: Int) -> GridSize {
    GridSize(size.height * factor, size.width * factor)
  }

  /// Reads `[height, width]`.
  public init(from decoder: any Decoder) throws {
    var list = try decoder.unkeyedContainer()
    self.init(try list.decode(Int.self), try list.decode(Int.self))
    guard list.isAtEnd else {
      throw DecodingError.dataCorruptedError(
        in: list, debugDescription: "a grid has a height and a width")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var list = encoder.unkeyedContainer()
    try list.encode(height)
    try list.encode(width)
  }
}

/// The scales of a picture, coarse to fine, as grids of transformer tokens; the last one is the
/// latent itself (`Documentation/method.md`, "Scale schedules"). `patch` is the side of a token in
/// latent cells: 2 with spatial patchify, else 1.
public struct ScaleSchedule: Equatable, Sendable {
  public let tokens: [GridSize]
  public let patch: Int

  public init(_ tokens: [GridSize], patch: Int = 1) {
    precondition(!tokens.isEmpty, "a schedule has at least one scale")
    self.tokens = tokens
    self.patch = patch
  }

  public var count: Int { tokens.count }

  /// Size of each scale in latent cells.
  public var latents: [GridSize] { tokens.map { $0 * patch } }

  /// Size of the whole latent.
  public var latent: GridSize { tokens[count - 1] * patch }

  /// Tokens of all scales.
  public var tokenCount: Int { tokens.reduce(0) { $0 + $1.count } }

  /// The ranges of the scales' tokens in the sequence of all scales.
  public var ranges: [Range<Int>] {
    var start = 0
    return tokens.map { size in
      defer { start += size.count }
      return start..<start + size.count
    }
  }

  /// The first `count` scales.
  public func prefix(_ count: Int) -> ScaleSchedule {
    ScaleSchedule(Array(tokens.prefix(count)), patch: patch)
  }

  /// Scale k of a sequence `[B, L, C]` over all scales: `[B, L_k, C]`.
  func part(_ k: Int, of sequence: Tensor) -> Tensor {
    sequence.narrowed(1, from: ranges[k].lowerBound, count: ranges[k].count)
  }
}

// MARK: Published schedules

extension ScaleSchedule {
  /// Pixel budgets of the published schedules, as numbers of scales.
  public enum PixelBudget: String, CaseIterable, Codable, Sendable {
    case pixels256 = "0.06M"
    case pixels512 = "0.25M"
    case pixels768 = "0.60M"
    case pixels1024 = "1M"

    public var scaleCount: Int {
      switch self {
      case .pixels256: 7
      case .pixels512: 10
      case .pixels768: 12
      case .pixels1024: 13
      }
    }
  }

  /// Heights over widths that have a published schedule.
  public static let aspectRatios: [Double] = {
    let tall = portrait.map(\.ratio)
    return (tall.dropFirst().map { 1 / $0 } + tall).sorted()
  }()

  /// The schedule of the published aspect ratio (height / width) nearest to `aspectRatio`.
  public static func published(
    aspectRatio: Double, budget: PixelBudget, patch: Int = 1
  ) -> ScaleSchedule {
    func distance(_ ratio: Double) -> Double { abs(ratio - aspectRatio) }
    let ratio = aspectRatios.min { distance($0) < distance($1) }!
    let isTall = ratio >= 1
    let entry = portrait.first { abs($0.ratio - (isTall ? ratio : 1 / ratio)) < 1e-9 }!
    let sizes = entry.sizes.prefix(budget.scaleCount).map { height, width in
      isTall ? GridSize(height, width) : GridSize(width, height)
    }
    return ScaleSchedule(Array(sizes), patch: patch)
  }

  /// (height, width) of the 13 scales of the published ratios from square to tall; wide ones swap
  /// both.
  private static let portrait: [(ratio: Double, sizes: [(Int, Int)])] = [
    (
      1,
      [1, 2, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64].map { ($0, $0) }
    ),
    (
      1.25,
      [
        (1, 1), (2, 2), (3, 3), (5, 4), (10, 8), (15, 12), (20, 16), (25, 20), (30, 24), (35, 28),
        (45, 36), (55, 44), (70, 56),
      ]
    ),
    (
      1 / 0.75,
      [
        (1, 1), (2, 2), (4, 3), (8, 6), (12, 9), (16, 12), (20, 15), (24, 18), (28, 21), (36, 27),
        (48, 36), (60, 45), (72, 54),
      ]
    ),
    (
      1.5,
      [
        (1, 1), (2, 2), (3, 2), (6, 4), (9, 6), (15, 10), (21, 14), (27, 18), (33, 22), (39, 26),
        (48, 32), (63, 42), (78, 52),
      ]
    ),
    (
      1.75,
      [
        (1, 1), (2, 2), (3, 3), (7, 4), (11, 6), (14, 8), (21, 12), (28, 16), (35, 20), (42, 24),
        (56, 32), (70, 40), (84, 48),
      ]
    ),
    (
      2,
      [
        (1, 1), (2, 2), (4, 2), (6, 3), (10, 5), (16, 8), (22, 11), (30, 15), (38, 19), (46, 23),
        (60, 30), (74, 37), (90, 45),
      ]
    ),
    (
      2.5,
      [
        (1, 1), (2, 2), (5, 2), (10, 4), (15, 6), (20, 8), (25, 10), (30, 12), (40, 16), (50, 20),
        (65, 26), (80, 32), (100, 40),
      ]
    ),
    (
      3,
      [
        (1, 1), (2, 2), (6, 2), (9, 3), (15, 5), (21, 7), (27, 9), (36, 12), (45, 15), (54, 18),
        (72, 24), (90, 30), (111, 37),
      ]
    ),
  ]
}
