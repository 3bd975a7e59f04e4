import Torch

/// A floating-point picture, plane after plane, normally with values in 0...1.
///
/// # Shapes
/// values `[channels, height, width]`.
public struct FloatImage: Equatable, Sendable {
  public let width, height, channels: Int
  public var values: [Float]

  /// Traps if the number of values is not `channels * height * width`.
  public init(width: Int, height: Int, channels: Int, values: [Float]) {
    precondition(width > 0 && height > 0 && channels > 0)
    precondition(values.count == width * height * channels, "values do not fill the planes")
    self.width = width
    self.height = height
    self.channels = channels
    self.values = values
  }

  public init(width: Int, height: Int, channels: Int, repeating value: Float = 0) {
    self.init(
      width: width, height: height, channels: channels,
      values: [Float](repeating: value, count: width * height * channels))
  }

  /// FloatImage that `body` fills completely.
  public init(
    width: Int, height: Int, channels: Int, written body: (UnsafeMutablePointer<Float>) -> Void
  ) {
    let count = channels * height * width
    self.init(
      width: width, height: height, channels: channels,
      values: [Float](unsafeUninitializedCapacity: count) { buffer, written in
        if let base = buffer.baseAddress { body(base) }
        written = count
      })
  }

  /// The planes of a tensor `[C, H, W]` or `[1, C, H, W]`.
  public init(_ tensor: Tensor) {
    let shape = Array(tensor.shape.suffix(3))
    precondition(
      shape.count == 3 && tensor.count == shape.reduce(1, *), "no picture: \(tensor.shape)")
    self.init(width: shape[2], height: shape[1], channels: shape[0], values: tensor.floats)
  }

  /// `[C, H, W]`, float32 on the CPU.
  public var tensor: Tensor { Tensor(values, shape: [channels, height, width]) }

  public var rect: PixelRect { PixelRect(width: width, height: height) }

  /// The value of one pixel. For tests and small work; loops use `values`.
  public subscript(channel: Int, y: Int, x: Int) -> Float {
    get { values[(channel * height + y) * width + x] }
    set { values[(channel * height + y) * width + x] = newValue }
  }

  /// The rectangle; beyond the planes their edge pixels are repeated.
  public func cropped(to rect: PixelRect) -> FloatImage {
    precondition(!rect.isEmpty, "an empty rectangle")
    var out = FloatImage(width: rect.width, height: rect.height, channels: channels)
    values.withUnsafeBufferPointer { source in
      out.values.withUnsafeMutableBufferPointer { target in
        var t = 0
        for c in 0..<channels {
          for y in rect.rows {
            let row = (c * height + min(max(y, 0), height - 1)) * width
            for x in rect.columns {
              target[t] = source[row + min(max(x, 0), width - 1)]
              t += 1
            }
          }
        }
      }
    }
    return out
  }

  /// Some of the channels, for example alpha.
  public func channels(_ range: Range<Int>) -> FloatImage {
    let plane = width * height
    return FloatImage(
      width: width, height: height, channels: range.count,
      values: Array(values[range.lowerBound * plane..<range.upperBound * plane]))
  }

  /// Clamps every value to [0, 1].
  public mutating func clamp() {
    values.withUnsafeMutableBufferPointer { values in
      for i in values.indices { values[i] = min(max(values[i], 0), 1) }
    }
  }

  /// The colours in the networks' form: grey repeated three times, or RGB, without alpha.
  public var asRGB: FloatImage {
    switch channels {
    case 1: FloatImage(width: width, height: height, channels: 3, values: values + values + values)
    case 2: channels(0..<1).asRGB
    case 3: self
    case 4: channels(0..<3)
    default: preconditionFailure("\(channels) channels are neither grey nor RGB")
    }
  }
}

// MARK: Levels

extension FloatImage {
  /// Values in 0...1.
  public var clamped: FloatImage { mapped { min(max($0, 0), 1) } }

  /// The values truncated to 8-bit levels: ⌊255 x⌋ / 255.
  public var truncated: FloatImage { mapped { (min(max($0, 0), 1) * 255).rounded(.down) / 255 } }

  private func mapped(_ level: (Float) -> Float) -> FloatImage {
    var result = self
    result.values.withUnsafeMutableBufferPointer { values in
      for i in values.indices { values[i] = level(values[i]) }
    }
    return result
  }
}

extension Tensor {
  /// The networks' value range: y = 2x − 1, from 0...1 to −1...1.
  public var signed: Tensor { self * 2 - 1 }

  /// The inverse: x = (y + 1) / 2.
  public var unsigned: Tensor { self * 0.5 + 0.5 }
}

/// The rounding of a value in 0...1 to an integer sample.
public enum SampleRounding: Sendable {
  /// ⌊255 x + ½⌋
  case nearest
  /// ⌊255 x⌋, as in the published inference code
  case down
}

extension Image {
  /// The samples of a rectangle as float planes in 0...1: x = sample / (2^bits − 1).
  ///
  /// # Shapes
  /// `[height, width, channels]` → `[channels, rect.height, rect.width]`.
  public func planes(_ rect: PixelRect? = nil) -> FloatImage {
    let rect = rect ?? self.rect
    precondition(self.rect.contains(rect) && !rect.isEmpty, "\(rect) lies outside the picture")
    var out = FloatImage(width: rect.width, height: rect.height, channels: channels)
    switch samples {
    case .u8(let values): deinterleave(values, rect, 255, &out)
    case .u16(let values): deinterleave(values, rect, 65535, &out)
    }
    return out
  }

  private func deinterleave<T: BinaryInteger>(
    _ samples: [T], _ rect: PixelRect, _ maximum: Float, _ out: inout FloatImage
  ) {
    let (channels, width) = (channels, width)
    samples.withUnsafeBufferPointer { source in
      out.values.withUnsafeMutableBufferPointer { target in
        for c in 0..<channels {
          for y in 0..<rect.height {
            let from = ((rect.y + y) * width + rect.x) * channels + c
            let to = (c * rect.height + y) * rect.width
            for x in 0..<rect.width {
              target[to + x] = Float(source[from + x * channels]) / maximum
            }
          }
        }
      }
    }
  }

  /// The picture of float planes in 0...1; values outside are clamped, NaN becomes 0.
  public init(
    _ planes: FloatImage, bitDepth: Int = 8, rounding: SampleRounding = .nearest,
    metadata: ImageMetadata = .init()
  ) {
    precondition(bitDepth == 8 || bitDepth == 16, "bit depth \(bitDepth)")
    self.init(
      width: planes.width, height: planes.height, channels: planes.channels,
      samples: bitDepth == 8
        ? .u8(interleave(planes, 255, rounding))
        : .u16(interleave(planes, 65535, rounding)),
      metadata: metadata)
  }
}

private func interleave<T: FixedWidthInteger>(
  _ planes: FloatImage, _ maximum: Float, _ rounding: SampleRounding
) -> [T] {
  let (channels, area) = (planes.channels, planes.width * planes.height)
  let offset: Float = rounding == .nearest ? 0.5 : 0
  return [T](unsafeUninitializedCapacity: area * channels) { target, count in
    planes.values.withUnsafeBufferPointer { source in
      for c in 0..<channels {
        for i in 0..<area {
          let value = source[c * area + i]
          let clamped = value > 0 ? min(value, 1) : 0
          // By way of Int32: the generic conversion from Float takes ten times as long.
          target[i * channels + c] = T(truncatingIfNeeded: Int32(clamped * maximum + offset))
        }
      }
    }
    count = area * channels
  }
}
