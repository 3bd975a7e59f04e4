import Foundation

extension Resize {
  /// Resizes an 8-bit picture with Pillow's arithmetic; the result equals that of `Image.resize`.
  ///
  /// Weights are rounded to multiples of 2^−22; columns first, then rows, each pass rounded to 8
  /// bit and clamped. Channels are independent. Parameters are those of the float version.
  ///
  /// # Shapes
  /// `[at.height, at.width, C]` → `[window.height, window.width, C]`.
  public func callAsFunction(_ image: Image, at: PixelRect? = nil, window: PixelRect? = nil)
    -> Image
  {
    guard case .u8(let samples) = image.samples else {
      preconditionFailure("16-bit pictures are resized as float planes")
    }
    let (at, window) = places(at, window, of: image.rect)
    let (columns, rows) = axes(window)
    let needed = rows.sourceRange
    let channels = image.channels
    let narrow = Resize.horizontal(samples, channels, at, columns, needed)
    let out = Resize.vertical(narrow, window.width * channels, needed, rows)
    return Image(
      width: window.width, height: window.height, channels: channels, samples: .u8(out),
      metadata: image.metadata)
  }

  private static let precision: Int32 = 22

  /// Weights in units of 2^−22, rounded half away from zero.
  private static func fixed(_ weights: [Double]) -> [Int32] {
    let unit = Double(1 << precision)
    return weights.map { Int32($0 * unit + ($0 < 0 ? -0.5 : 0.5)) }
  }

  @inline(__always)
  private static func level(_ sum: Int32) -> UInt8 { UInt8(min(max(sum >> precision, 0), 255)) }

  private static func horizontal(
    _ samples: [UInt8], _ channels: Int, _ at: PixelRect, _ axis: ResampleAxis, _ rows: Range<Int>
  ) -> [UInt8] {
    let weights = fixed(axis.weights)
    let total = rows.count * axis.range.count * channels
    return [UInt8](unsafeUninitializedCapacity: total) { target, count in
      samples.withUnsafeBufferPointer { source in
        weights.withUnsafeBufferPointer { weights in
          var t = 0
          for y in rows {
            let row = (y - at.y) * at.width - at.x
            for i in 0..<axis.range.count {
              let first = (row + axis.starts[i]) * channels
              for c in 0..<channels {
                var sum: Int32 = 1 << (precision - 1)
                for k in 0..<axis.counts[i] {
                  sum &+= Int32(source[first + k * channels + c]) &* weights[i * axis.stride + k]
                }
                target[t] = level(sum)
                t += 1
              }
            }
          }
        }
      }
      count = total
    }
  }

  private static func vertical(
    _ samples: [UInt8], _ rowLength: Int, _ rows: Range<Int>, _ axis: ResampleAxis
  ) -> [UInt8] {
    let weights = fixed(axis.weights)
    let total = axis.range.count * rowLength
    var sums = [Int32](repeating: 0, count: rowLength)
    return [UInt8](unsafeUninitializedCapacity: total) { target, count in
      samples.withUnsafeBufferPointer { source in
        sums.withUnsafeMutableBufferPointer { sums in
          for i in 0..<axis.range.count {
            sums.update(repeating: 1 << (precision - 1))
            for k in 0..<axis.counts[i] {
              let weight = weights[i * axis.stride + k]
              let from = (axis.starts[i] + k - rows.lowerBound) * rowLength
              for x in 0..<rowLength { sums[x] &+= Int32(source[from + x]) &* weight }
            }
            for x in 0..<rowLength { target[i * rowLength + x] = level(sums[x]) }
          }
        }
      }
      count = total
    }
  }
}

extension Image {
  /// The 8-bit picture resized with Pillow's arithmetic.
  public func resized(toWidth width: Int, height: Int, _ filter: ResizeFilter) -> Image {
    Resize(filter, from: (self.width, self.height), to: (width, height))(self)
  }

  /// Scales to cover a rectangle (Lanczos), then crops its centre: the preparation of a training
  /// picture for the tokenizer.
  ///
  /// With aspect ratio a = width / height ≤ target ratio the width is matched and the height is
  /// ⌊targetWidth / a⌋, else the height is matched and the width is ⌊a · targetHeight⌋.
  public func covering(width targetWidth: Int, height targetHeight: Int) -> Image {
    let aspect = Double(width) / Double(height)
    let (w, h): (Int, Int)
    if aspect <= Double(targetWidth) / Double(targetHeight) {
      (w, h) = (targetWidth, Int(Double(targetWidth) / aspect))
    } else {
      (w, h) = (Int(aspect * Double(targetHeight)), targetHeight)
    }
    let scaled = resized(toWidth: max(w, targetWidth), height: max(h, targetHeight), .lanczos)
    return scaled.cropped(
      to: PixelRect(
        x: (scaled.width - targetWidth) / 2, y: (scaled.height - targetHeight) / 2,
        width: targetWidth, height: targetHeight))
  }
}

extension FloatImage {
  /// The planes resized; for repeated or windowed work see `Resize`.
  public func resized(toWidth width: Int, height: Int, _ filter: ResizeFilter) -> FloatImage {
    Resize(filter, from: (self.width, self.height), to: (width, height))(self)
  }
}
