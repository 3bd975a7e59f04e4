/// Resizes pictures, whole or window by window.
///
/// A window of the target, computed from the part of the source it needs (`sourceRect(for:)`), has
/// exactly the values that it has in the whole resized picture, so pictures of any size can be
/// resized in pieces.
///
/// ```swift
/// let resize = Resize(.bicubic, from: (512, 384), to: (2048, 1536))
/// let window = PixelRect(x: 1000, y: 800, width: 256, height: 256)
/// let needed = resize.sourceRect(for: window)
/// let piece = resize(try reader.planes(needed), at: needed, window: window)
/// ```
public struct Resize: Sendable {
  public let filter: ResizeFilter
  /// Width and height of the whole picture before and after, pixels.
  public let source, target: (width: Int, height: Int)
  private let factor: Double?

  /// - Parameter factor: target pixels per source pixel, if that differs from the ratio of the
  ///   sizes because a size was rounded; for filters without antialiasing only.
  public init(
    _ filter: ResizeFilter, from source: (width: Int, height: Int),
    to target: (width: Int, height: Int), factor: Double? = nil
  ) {
    precondition(source.width > 0 && source.height > 0 && target.width > 0 && target.height > 0)
    self.filter = filter
    self.source = source
    self.target = target
    self.factor = filter.isAntialiased ? nil : factor
  }

  /// The part of the source from which a window of the target is computed.
  public func sourceRect(for window: PixelRect) -> PixelRect {
    let (columns, rows) = axes(window)
    let (x, y) = (columns.sourceRange, rows.sourceRange)
    return PixelRect(x: x.lowerBound, y: y.lowerBound, width: x.count, height: y.count)
  }

  /// Resizes float planes; values are neither clamped nor rounded.
  ///
  /// - Parameters:
  ///   - planes: the source, or the part of it that lies at `at`.
  ///   - at: where `planes` lies in the source; nil means it is the whole source.
  ///   - window: the part of the target wanted; nil means all of it.
  ///
  /// # Shapes
  /// `[C, at.height, at.width]` → `[C, window.height, window.width]`.
  public func callAsFunction(_ planes: FloatImage, at: PixelRect? = nil, window: PixelRect? = nil)
    -> FloatImage
  {
    let (at, window) = places(at, window, of: planes.rect)
    let (columns, rows) = axes(window)
    let needed = rows.sourceRange
    if filter.isAntialiased, filter != .area {
      let narrow = Self.horizontal(planes, columns, from: at.x, rows: needed, firstRow: at.y)
      return Self.vertical(narrow, rows, from: needed.lowerBound)
    }
    // The horizontal pass is not vectorised; after the vertical one, fewer rows are left for it.
    let short = Self.vertical(planes, rows, from: at.y)
    return Self.horizontal(
      short, columns, from: at.x, rows: 0..<window.height, firstRow: 0)
  }

  /// The position of the given pixels in the source, and the window of the target.
  func places(
    _ at: PixelRect?, _ window: PixelRect?, of pixels: PixelRect
  ) -> (at: PixelRect, window: PixelRect) {
    let window = window ?? PixelRect(width: target.width, height: target.height)
    let at = at ?? PixelRect(width: source.width, height: source.height)
    precondition(at.width == pixels.width && at.height == pixels.height, "\(pixels) is not \(at)")
    precondition(at.contains(sourceRect(for: window)), "\(at) lacks pixels that \(window) needs")
    return (at, window)
  }

  func axes(_ window: PixelRect) -> (columns: ResampleAxis, rows: ResampleAxis) {
    precondition(
      PixelRect(width: target.width, height: target.height).contains(window) && !window.isEmpty,
      "\(window) lies outside the resized picture")
    func axis(_ source: Int, _ target: Int, _ range: Range<Int>) -> ResampleAxis {
      ResampleAxis(filter, source: source, target: target, range: range, factor: factor)
    }
    return (
      axis(source.width, target.width, window.columns),
      axis(source.height, target.height, window.rows)
    )
  }

  /// The sums over columns for the rows `rows` of planes whose first pixel is at column `first` and
  /// row `firstRow`.
  private static func horizontal(
    _ planes: FloatImage, _ axis: ResampleAxis, from first: Int, rows: Range<Int>, firstRow: Int
  ) -> FloatImage {
    let weights = axis.weights.map { Float($0) }
    let width = axis.range.count
    return FloatImage(width: width, height: rows.count, channels: planes.channels) { target in
      planes.values.withUnsafeBufferPointer { source in
        weights.withUnsafeBufferPointer { weights in
          axis.starts.withUnsafeBufferPointer { starts in
            axis.counts.withUnsafeBufferPointer { counts in
              var t = 0
              for c in 0..<planes.channels {
                for y in rows {
                  let row = (c * planes.height + y - firstRow) * planes.width - first
                  for i in 0..<width {
                    let (from, w) = (row + starts[i], i * axis.stride)
                    var sum: Float = 0
                    for k in 0..<counts[i] { sum += weights[w + k] * source[from + k] }
                    target[t] = sum
                    t += 1
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  /// The sums over rows of planes whose first row is `first`.
  private static func vertical(_ planes: FloatImage, _ axis: ResampleAxis, from first: Int)
    -> FloatImage
  {
    let (width, height) = (planes.width, axis.range.count)
    return FloatImage(width: width, height: height, channels: planes.channels) { target in
      planes.values.withUnsafeBufferPointer { source in
        for c in 0..<planes.channels {
          for i in 0..<height {
            let to = target + (c * height + i) * width
            for k in 0..<axis.counts[i] {
              let weight = Float(axis.weights[i * axis.stride + k])
              let row = c * planes.height + axis.starts[i] + k - first
              let from = source.baseAddress! + row * width
              if k == 0 {
                for x in 0..<width { to[x] = weight * from[x] }
              } else {
                for x in 0..<width { to[x] += weight * from[x] }
              }
            }
          }
        }
      }
    }
  }
}
