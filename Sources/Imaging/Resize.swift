import Foundation

/// Resizes pictures, whole or window by window.
///
/// A window of the target computed from the part of the source it needs (`sourceRect(for:)`) has
/// the very values it has in the whole resized picture, so a picture of any size can be resized in
/// pieces.
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

  public init(
    _ filter: ResizeFilter, from source: (width: Int, height: Int),
    to target: (width: Int, height: Int)
  ) {
    precondition(source.width > 0 && source.height > 0 && target.width > 0 && target.height > 0)
    self.filter = filter
    self.source = source
    self.target = target
  }

  /// The part of the source that a window of the target is computed from.
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
  public func callAsFunction(_ planes: Planes, at: PixelRect? = nil, window: PixelRect? = nil)
    -> Planes
  {
    let window = window ?? PixelRect(width: target.width, height: target.height)
    let at = at ?? PixelRect(width: source.width, height: source.height)
    precondition(at.width == planes.width && at.height == planes.height, "planes do not fill \(at)")
    precondition(at.contains(sourceRect(for: window)), "\(at) lacks pixels that \(window) needs")
    let (columns, rows) = axes(window)
    let needed = rows.sourceRange
    var narrow = Planes(width: window.width, height: needed.count, channels: planes.channels)
    horizontal(planes, at, columns, needed, &narrow)
    var out = Planes(width: window.width, height: window.height, channels: planes.channels)
    vertical(narrow, needed, rows, &out)
    return out
  }

  func axes(_ window: PixelRect) -> (columns: ResampleAxis, rows: ResampleAxis) {
    precondition(
      PixelRect(width: target.width, height: target.height).contains(window) && !window.isEmpty,
      "\(window) lies outside the resized picture")
    return (
      ResampleAxis(filter, source: source.width, target: target.width, range: window.columns),
      ResampleAxis(filter, source: source.height, target: target.height, range: window.rows)
    )
  }

  private func horizontal(
    _ planes: Planes, _ at: PixelRect, _ axis: ResampleAxis, _ rows: Range<Int>, _ out: inout Planes
  ) {
    let weights = axis.weights.map { Float($0) }
    planes.values.withUnsafeBufferPointer { source in
      out.values.withUnsafeMutableBufferPointer { target in
        weights.withUnsafeBufferPointer { weights in
          var t = 0
          for c in 0..<planes.channels {
            for y in rows {
              let row = (c * at.height + y - at.y) * at.width - at.x
              for i in 0..<axis.range.count {
                let first = row + axis.starts[i]
                let w = i * axis.stride
                var sum: Float = 0
                for k in 0..<axis.counts[i] { sum += weights[w + k] * source[first + k] }
                target[t] = sum
                t += 1
              }
            }
          }
        }
      }
    }
  }

  private func vertical(
    _ planes: Planes, _ rows: Range<Int>, _ axis: ResampleAxis, _ out: inout Planes
  ) {
    let width = planes.width
    planes.values.withUnsafeBufferPointer { source in
      out.values.withUnsafeMutableBufferPointer { target in
        for c in 0..<planes.channels {
          for i in 0..<axis.range.count {
            let to = target.baseAddress! + (c * axis.range.count + i) * width
            for k in 0..<axis.counts[i] {
              let weight = Float(axis.weights[i * axis.stride + k])
              let row = c * rows.count + axis.starts[i] + k - rows.lowerBound
              let from = source.baseAddress! + row * width
              for x in 0..<width { to[x] += weight * from[x] }
            }
          }
        }
      }
    }
  }
}
