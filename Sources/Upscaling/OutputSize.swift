import Foundation

/// The size of an output: a multiple of the input's, or a size from which every picture's scale
/// follows. Scales are 1...8.
public enum OutputSize: Hashable, Sendable {
  /// Pixels of the output per pixel of the input along a side.
  case scale(Double)
  /// Pixels from left to right, exactly.
  case width(Int)
  /// Pixels from top to bottom, exactly.
  case height(Int)
  /// Pixels of the longer side, exactly.
  case longSide(Int)
  /// Millions of pixels, as near as whole pixels at the input's proportions come to it.
  case megapixels(Double)

  /// The scales that are possible.
  public static let scales = 1.0...8.0

  /// The size of what an input becomes. A side that is asked for is exact, others are
  /// ⌊n · scale + ½⌋.
  ///
  /// - Parameters:
  ///   - width: of the input.
  ///   - height: of the input.
  ///   - path: of the input, for the message.
  /// - Throws: `OutputSizeError` where it takes a scale that is not possible.
  public func size(width: Int, height: Int, path: String? = nil) throws
    -> (width: Int, height: Int)
  {
    let scale = try scale(width: width, height: height, path: path)
    /// The other side where `side` becomes `target`.
    func other(_ pixels: Int, _ side: Int, _ target: Int) -> Int {
      max(1, (2 * pixels * target + side) / (2 * side))
    }
    switch self {
    case .width(let target): return (target, other(height, width, target))
    case .height(let target): return (other(width, height, target), target)
    case .longSide(let target):
      return width >= height
        ? (target, other(height, width, target)) : (other(width, height, target), target)
    case .scale, .megapixels:
      return PhotoUpscaler.outputSize(width: width, height: height, scale: scale)
    }
  }

  /// The scale that an input gets.
  ///
  /// - Parameters:
  ///   - width: of the input.
  ///   - height: of the input.
  ///   - path: of the input, for the message.
  /// - Throws: `OutputSizeError` where it is not possible.
  public func scale(width: Int, height: Int, path: String? = nil) throws -> Double {
    let scale: Double
    switch self {
    case .scale(let factor): scale = factor
    case .width(let target): scale = Double(target) / Double(width)
    case .height(let target): scale = Double(target) / Double(height)
    case .longSide(let target): scale = Double(target) / Double(max(width, height))
    case .megapixels(let target):
      // In whole pixels, so that the bounds that a message names are possible.
      scale = ((target * 1e6).rounded() / (Double(width) * Double(height))).squareRoot()
    }
    guard Self.scales.contains(scale) else {
      throw OutputSizeError(size: self, width: width, height: height, path: path)
    }
    return scale
  }

  /// The text after the names of outputs beside their inputs: "_x4", "_x1.5", "_1920w",
  /// "_1080h", "_2048l", "_2.5mp".
  public var mark: String {
    func text(_ number: Double) -> String {
      number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
    }
    return switch self {
    case .scale(let factor): "_x\(text(factor))"
    case .width(let pixels): "_\(pixels)w"
    case .height(let pixels): "_\(pixels)h"
    case .longSide(let pixels): "_\(pixels)l"
    case .megapixels(let count): "_\(text(count))mp"
    }
  }
}

/// An output would be smaller than its input, or more than eight times as wide; the message has the
/// range that is possible for the picture.
public struct OutputSizeError: LocalizedError, CustomStringConvertible, Equatable, Sendable {
  public let size: OutputSize
  /// Pixels of the input.
  public let width, height: Int
  /// The path of the input, where it is a file.
  public let path: String?

  public var description: String {
    let prefix = path.map { "\($0): " } ?? ""
    let (lowest, highest) = (Int(OutputSize.scales.lowerBound), Int(OutputSize.scales.upperBound))
    func text(_ name: String, _ asked: Int, _ side: Int) -> String {
      "\(prefix)a \(name) of \(asked) pixels is not possible, but one of \(lowest * side) to"
        + " \(highest * side) is: the picture has \(width)x\(height)"
    }
    switch size {
    case .scale(let factor):
      return "\(prefix)a scale of \(factor) is not possible, but one of \(lowest) to \(highest) is"
    case .width(let asked): return text("width", asked, width)
    case .height(let asked): return text("height", asked, height)
    case .longSide(let asked): return text("long side", asked, max(width, height))
    case .megapixels(let asked):
      let area = Double(width) * Double(height) / 1e6
      return "\(prefix)\(asked) megapixels are not possible, but \(area) to"
        + " \(Double(highest * highest) * area) are: the picture has \(width)x\(height) pixels"
    }
  }

  public var errorDescription: String? { description }
}
