import Foundation
import Torch

/// How a degradation resizes; the meaning of each is that of `Tensor.resized`.
public enum DegradationInterpolation: String, Codable, Sendable, CaseIterable {
  case area, bilinear, bicubic

  var mode: Tensor.Interpolation {
    switch self {
    case .area: .area
    case .bilinear: .bilinear
    case .bicubic: .bicubic
    }
  }
}

/// For each output coordinate along one axis, a window of inputs and their weights.
private struct Contributions {
  var starts: [Int] = []
  var counts: [Int] = []
  /// Weights of output i from i · stride on.
  var weights: [Float] = []
  let stride: Int

  /// - Parameter factor: output pixels per input pixel where it is not the ratio of the sizes.
  init(_ input: Int, _ output: Int, _ mode: DegradationInterpolation, factor: Double?) {
    let step = factor.map { 1 / $0 } ?? Double(input) / Double(output)
    switch mode {
    case .area: stride = input / output + 2
    case .bilinear: stride = 2
    case .bicubic: stride = 4
    }
    for i in 0..<output {
      let centre = (Double(i) + 0.5) * step - 0.5
      switch mode {
      case .area:
        let (start, end) = (i * input / output, ((i + 1) * input + output - 1) / output)
        let share = 1 / Double(end - start)
        append(first: start, [Double](repeating: share, count: end - start), input)
      case .bilinear:
        let position = max(0, centre)
        let low = min(Int(position), input - 1)
        let t = low == input - 1 ? 0 : position - Double(low)
        append(first: low, [1 - t, t], input)
      case .bicubic:
        let low = Int(centre.rounded(.down))
        append(first: low - 1, Contributions.cubic(centre - Double(low)), input)
      }
    }
  }

  /// Keys' weights of the four neighbours at distance 1 + t, t, 1 − t, 2 − t, A = −0.75.
  private static func cubic(_ t: Double) -> [Double] {
    let a = -0.75
    func near(_ x: Double) -> Double { ((a + 2) * x - (a + 3)) * x * x + 1 }
    func far(_ x: Double) -> Double { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
    return [far(1 + t), near(t), near(1 - t), far(2 - t)]
  }

  /// Adds one output; inputs beyond the border are the border's.
  private mutating func append(first: Int, _ taps: [Double], _ input: Int) {
    let start = min(max(first, 0), input - 1)
    let end = min(max(first + taps.count - 1, 0), input - 1)
    var merged = [Double](repeating: 0, count: stride)
    for (offset, tap) in taps.enumerated() {
      merged[min(max(first + offset, 0), input - 1) - start] += tap
    }
    starts.append(start)
    counts.append(end - start + 1)
    weights += merged.map { Float($0) }
  }
}

extension Planes {
  /// Resizes as `Tensor.resized` does; `factor` as its `factors`.
  func resized(
    _ newHeight: Int, _ newWidth: Int, _ mode: DegradationInterpolation, factor: Double? = nil
  ) -> Planes {
    if newHeight == height, newWidth == width, factor == nil || factor == 1 { return self }
    let vertical = Contributions(height, newHeight, mode, factor: factor)
    let horizontal = Contributions(width, newWidth, mode, factor: factor)
    let line = UnsafeMutablePointer<Float>.allocate(capacity: width)
    defer { line.deallocate() }
    return Planes(channels: channels, height: newHeight, width: newWidth) { output in
      values.withUnsafeBufferPointer { values in
        for plane in 0..<channels {
          let source = values.baseAddress! + plane * height * width
          for y in 0..<newHeight {
            combine(source, vertical, y, into: line)
            Planes.gather(line, horizontal, into: output + (plane * newHeight + y) * newWidth)
          }
        }
      }
    }
  }

  /// The weighted sum of the rows that output row `y` is made of.
  private func combine(
    _ source: UnsafePointer<Float>, _ vertical: Contributions, _ y: Int,
    into line: UnsafeMutablePointer<Float>
  ) {
    let start = vertical.starts[y]
    for k in 0..<vertical.counts[y] {
      let weight = vertical.weights[y * vertical.stride + k]
      let row = source + (start + k) * width
      if k == 0 {
        for x in 0..<width { line[x] = weight * row[x] }
      } else {
        for x in 0..<width { line[x] += weight * row[x] }
      }
    }
  }

  private static func gather(
    _ line: UnsafePointer<Float>, _ horizontal: Contributions,
    into output: UnsafeMutablePointer<Float>
  ) {
    horizontal.starts.withUnsafeBufferPointer { starts in
      horizontal.counts.withUnsafeBufferPointer { counts in
        horizontal.weights.withUnsafeBufferPointer { weights in
          for x in starts.indices {
            let taps = weights.baseAddress! + x * horizontal.stride
            let input = line + starts[x]
            var sum: Float = 0
            for k in 0..<counts[x] { sum += taps[k] * input[k] }
            output[x] = sum
          }
        }
      }
    }
  }
}
