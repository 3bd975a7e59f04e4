import NSARM
import Torch

/// A low-quality picture that is read piece by piece, so that one of any size can be restored in
/// bounded memory. Beyond its border it continues mirrored.
public struct LowQualityPicture {
  public let width, height: Int
  private let read: (_ rows: Range<Int>, _ columns: Range<Int>) throws -> Tensor

  /// - Parameters:
  ///   - width: pixels, at least 1.
  ///   - height: pixels, at least 1.
  ///   - read: gives a rectangle inside the picture, `[3, rows, columns]`, float32 on the CPU, RGB
  ///     in [-1, 1].
  public init(
    width: Int, height: Int,
    read: @escaping (_ rows: Range<Int>, _ columns: Range<Int>) throws -> Tensor
  ) {
    precondition(width > 0 && height > 0, "an empty picture")
    self.width = width
    self.height = height
    self.read = read
  }

  /// A picture in memory, `[3, h, w]`, RGB in [-1, 1].
  public init(_ picture: Tensor) {
    precondition(picture.rank == 3 && picture.size(0) == 3, "a picture is [3, h, w]")
    let picture = picture.detached().to(.float32).to(.cpu)
    self.init(width: picture.size(2), height: picture.size(1)) { rows, columns in
      picture.narrowed(1, from: rows.lowerBound, count: rows.count)
        .narrowed(2, from: columns.lowerBound, count: columns.count)
    }
  }

  /// A rectangle that may reach beyond the picture, `[3, rows, columns]`; the picture is mirrored
  /// there, its border pixels included: ... b a | a b c | c b ...
  func window(_ rows: Range<Int>, _ columns: Range<Int>) throws -> Tensor {
    let (y, x) = (Self.mirrored(rows, height), Self.mirrored(columns, width))
    let (top, left) = (y.min()!, x.min()!)
    let piece = try read(top..<y.max()! + 1, left..<x.max()! + 1)
    guard
      rows.lowerBound < 0 || rows.upperBound > height
        || columns.lowerBound < 0 || columns.upperBound > width
    else { return piece }
    return piece.selected(1, indices: Tensor(y.map { Int64($0 - top) }))
      .selected(2, indices: Tensor(x.map { Int64($0 - left) }))
  }

  private static func mirrored(_ range: Range<Int>, _ count: Int) -> [Int] {
    range.map { position in
      let phase = ((position % (2 * count)) + 2 * count) % (2 * count)
      return phase < count ? phase : 2 * count - 1 - phase
    }
  }
}
