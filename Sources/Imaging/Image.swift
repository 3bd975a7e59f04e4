import Foundation

/// A rectangle of whole pixels: columns `x ..< x + width`, rows `y ..< y + height`.
public struct PixelRect: Hashable, Sendable, CustomStringConvertible {
  public var x, y, width, height: Int

  public init(x: Int, y: Int, width: Int, height: Int) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  /// The rectangle of a whole picture.
  public init(width: Int, height: Int) { self.init(x: 0, y: 0, width: width, height: height) }

  /// The column after the last.
  public var right: Int { x + width }
  /// The row after the last.
  public var bottom: Int { y + height }
  public var columns: Range<Int> { x..<right }
  public var rows: Range<Int> { y..<bottom }
  public var isEmpty: Bool { width <= 0 || height <= 0 }

  public func contains(_ other: PixelRect) -> Bool {
    other.x >= x && other.y >= y && other.right <= right && other.bottom <= bottom
  }

  public func intersection(_ other: PixelRect) -> PixelRect {
    let (left, top) = (max(x, other.x), max(y, other.y))
    return PixelRect(
      x: left, y: top, width: max(0, min(right, other.right) - left),
      height: max(0, min(bottom, other.bottom) - top))
  }

  /// The part inside another rectangle; at least the pixels nearest to it.
  func clamped(to other: PixelRect) -> PixelRect {
    let left = min(max(x, other.x), other.right - 1)
    let top = min(max(y, other.y), other.bottom - 1)
    return PixelRect(
      x: left, y: top, width: min(max(right, left + 1), other.right) - left,
      height: min(max(bottom, top + 1), other.bottom) - top)
  }

  /// The rectangle shrunk by `margin` on every side; enlarged if it is negative.
  public func insetBy(_ margin: Int) -> PixelRect {
    PixelRect(x: x + margin, y: y + margin, width: width - 2 * margin, height: height - 2 * margin)
  }

  /// The corresponding rectangle of a picture `factor` times as large.
  public func scaled(by factor: Int) -> PixelRect {
    PixelRect(x: x * factor, y: y * factor, width: width * factor, height: height * factor)
  }

  public var description: String { "\(width)x\(height)+\(x)+\(y)" }
}

/// A picture in memory: interleaved samples, row by row, grey or RGB, with or without alpha.
///
/// # Shapes
/// samples `[height, width, channels]`, channels 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha;
/// 0...255 or 0...65535.
public struct Image: Equatable, Sendable {
  public enum Samples: Equatable, Sendable {
    case u8([UInt8])
    case u16([UInt16])

    public var count: Int {
      switch self {
      case .u8(let values): values.count
      case .u16(let values): values.count
      }
    }
  }

  public let width, height, channels: Int
  public var samples: Samples
  public var metadata: ImageMetadata

  /// Traps if the number of samples is not `width * height * channels`.
  public init(
    width: Int, height: Int, channels: Int, samples: Samples, metadata: ImageMetadata = .init()
  ) {
    precondition(width > 0 && height > 0 && (1...4).contains(channels))
    precondition(samples.count == width * height * channels, "samples do not fill the picture")
    self.width = width
    self.height = height
    self.channels = channels
    self.samples = samples
    self.metadata = metadata
  }

  /// 8 or 16.
  public var bitDepth: Int {
    switch samples {
    case .u8: 8
    case .u16: 16
    }
  }

  public var isGrey: Bool { channels <= 2 }
  public var hasAlpha: Bool { channels == 2 || channels == 4 }
  public var rect: PixelRect { PixelRect(width: width, height: height) }

  /// The samples of an 8-bit picture, or those of a 16-bit one rounded to 8 bit.
  public var bytes: [UInt8] {
    switch samples {
    case .u8(let values): values
    case .u16(let values): values.map { UInt8((UInt32($0) * 255 + 32767) / 65535) }
    }
  }

  /// The rectangle as a picture of its own, with the same metadata.
  public func cropped(to rect: PixelRect) -> Image {
    precondition(self.rect.contains(rect) && !rect.isEmpty, "\(rect) lies outside the picture")
    func cut<T>(_ values: [T]) -> [T] {
      var out: [T] = []
      out.reserveCapacity(rect.width * rect.height * channels)
      for y in rect.rows {
        let start = (y * width + rect.x) * channels
        out.append(contentsOf: values[start..<start + rect.width * channels])
      }
      return out
    }
    let cropped: Samples
    switch samples {
    case .u8(let values): cropped = .u8(cut(values))
    case .u16(let values): cropped = .u16(cut(values))
    }
    return Image(
      width: rect.width, height: rect.height, channels: channels, samples: cropped,
      metadata: metadata)
  }
}
