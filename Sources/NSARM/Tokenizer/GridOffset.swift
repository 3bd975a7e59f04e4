/// A place on a grid, or the way from one place to another, in cells; either may be negative.
public struct GridOffset: Hashable, Sendable {
  public var row, column: Int

  public static let zero = GridOffset(row: 0, column: 0)

  public init(row: Int, column: Int) {
    self.row = row
    self.column = column
  }

  public static func + (a: GridOffset, b: GridOffset) -> GridOffset {
    GridOffset(row: a.row + b.row, column: a.column + b.column)
  }
}
