import Imaging

/// Rows of a picture that arrive from the top to the bottom, kept while somebody needs them.
struct RowBuffer {
  let width, channels: Int
  /// The rows at hand.
  private(set) var rows = 0..<0
  /// One plane per channel, `[rows.count * width]`.
  private var planes: [[Float]]

  init(width: Int, channels: Int) {
    self.width = width
    self.channels = channels
    planes = Array(repeating: [], count: channels)
  }

  mutating func append(_ strip: FloatImage) {
    precondition(strip.width == width && strip.channels == channels, "rows of another picture")
    let count = strip.height * width
    for c in 0..<channels {
      planes[c].append(contentsOf: strip.values[c * count..<(c + 1) * count])
    }
    rows = rows.lowerBound..<rows.upperBound + strip.height
  }

  func window(_ wanted: Range<Int>) -> FloatImage {
    precondition(rows.clamped(to: wanted) == wanted, "rows \(wanted) are not at hand")
    var values: [Float] = []
    values.reserveCapacity(channels * wanted.count * width)
    let start = (wanted.lowerBound - rows.lowerBound) * width
    for plane in planes { values.append(contentsOf: plane[start..<start + wanted.count * width]) }
    return FloatImage(width: width, height: wanted.count, channels: channels, values: values)
  }

  mutating func discard(before row: Int) {
    let count = min(row, rows.upperBound) - rows.lowerBound
    guard count > 0 else { return }
    for c in 0..<channels { planes[c].removeFirst(count * width) }
    rows = rows.lowerBound + count..<rows.upperBound
  }
}
