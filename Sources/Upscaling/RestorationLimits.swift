import Foundation
import Imaging
import NSARM

/// A number that a restoration can be asked for: the values that it may have, and its default.
public struct NumberOption<Value: Comparable & Sendable & CustomStringConvertible>: Sendable {
  /// The name in the API, such as "longSide".
  public let name: String
  public let range: ClosedRange<Value>
  /// nil: the default depends on the model or the picture.
  public let standard: Value?
  package init(_ name: String, _ range: ClosedRange<Value>, default standard: Value? = nil) {
    self.name = name
    self.range = range
    self.standard = standard
  }

  /// The range in words, such as "1 to 8".
  public var rangeText: String {
    func text(_ value: Value) -> String {
      guard let number = value as? Double else { return value.description }
      return String(format: number > 0 && number < 1e-3 ? "%.6f" : "%.10g", number)
    }
    return "\(text(range.lowerBound)) to \(text(range.upperBound))"
  }

  /// - Throws: `OptionRangeError` for a value outside of the range.
  public func check(_ value: Value?) throws {
    guard let value, !range.contains(value) else { return }
    throw OptionRangeError(name: name, rangeText: rangeText)
  }
}

/// The options of a restoration that are numbers. The library, the command, the service and the
/// description of its API have their ranges and defaults from here.
public enum RestorationLimits {
  public static let scale = NumberOption("scale", OutputSize.scales, default: 4)
  /// Pixels of a side of the output.
  public static let width = NumberOption("width", sides)
  public static let height = NumberOption("height", sides)
  public static let longSide = NumberOption("longSide", sides)
  /// From a single pixel on.
  public static let megapixels = NumberOption("megapixels", 1e-6...1e6)
  public static let strength = NumberOption("strength", 0...1, default: 1.0)
  public static let temperature = NumberOption(
    "temperature", SamplingConfiguration.temperatures)
  public static let quality = NumberOption(
    "quality", EncodingOptions.qualities, default: EncodingOptions().quality)
  /// Whatever the model; each has its own range within this one.
  public static let scales = NumberOption("scales", 0...100)
  /// The page of a file of several, from 1.
  public static let page = NumberOption("page", 1...1_000_000)
  /// The side of the decoder's windows in input pixels; larger ones are the picture anyway.
  public static let tile = NumberOption("tile", 16...ReadOptions().maximumDimension)
  /// The number of characters of a prompt.
  public static let prompt = NumberOption("prompt", 0...4000)

  private static let sides = 1...1_000_000
}

/// An option of a restoration has a value outside of its range.
public struct OptionRangeError: LocalizedError, CustomStringConvertible, Equatable, Sendable {
  /// The option's name in the API.
  public let name: String
  /// The range in words, such as "1 to 8".
  public let rangeText: String

  public var description: String { "\(name) has to be \(rangeText)" }
  public var errorDescription: String? { description }
}

extension PhotoUpscaler.Options {
  /// - Throws: `OptionRangeError` for a number outside of its range.
  public func validate() throws {
    switch size {
    case .scale(let scale): try RestorationLimits.scale.check(scale)
    case .width(let pixels): try RestorationLimits.width.check(pixels)
    case .height(let pixels): try RestorationLimits.height.check(pixels)
    case .longSide(let pixels): try RestorationLimits.longSide.check(pixels)
    case .megapixels(let count): try RestorationLimits.megapixels.check(count)
    }
    try RestorationLimits.quality.check(encoding.quality)
    try RestorationLimits.temperature.check(resolver.sampling?.temperature)
    try RestorationLimits.scales.check(resolver.acceleration.scales)
  }
}
