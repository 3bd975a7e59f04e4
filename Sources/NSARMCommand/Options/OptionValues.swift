import ArgumentParser
import Files
import Imaging
import Logging
import NSARM
import PublishedCheckpoints
import Serving
import Torch
import Upscaling

// Types of the libraries as values of options.

extension Precision: ExpressibleByArgument {}
extension ColorMode: ExpressibleByArgument {}
extension WeightFormat: ExpressibleByArgument {}
extension LineLog.Format: ExpressibleByArgument {}
extension Logger.Level: @retroactive ExpressibleByArgument {}
extension MetadataPolicy: ExpressibleByArgument {}

extension Tensor.Interpolation: ExpressibleByArgument {
  public static var allValueStrings: [String] { ["area", "bilinear"] }

  /// One of the two that models know.
  public init?(argument: String) {
    switch argument {
    case "area": self = .area
    case "bilinear": self = .bilinear
    default: return nil
    }
  }
}

extension ImageFormat: ExpressibleByArgument {
  /// A format's name or one of its extensions.
  public init?(argument: String) {
    guard let format = ImageFormat(rawValue: argument) ?? ImageFormat(path: "x.\(argument)") else {
      return nil
    }
    self = format
  }
}

extension Guidance: ExpressibleByArgument {
  /// One number from 0 to 100, or several with commas between.
  public init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let values = parts.compactMap { Double($0) }.filter(Self.range.contains)
    guard values.count == parts.count else { return nil }
    self.init(values)
  }
}

extension ByteCount: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

/// A list of numbers from 0 to 0.95, "0.3,0.5".
struct Shares: ExpressibleByArgument {
  let values: [Double]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    values = parts.compactMap { Double($0) }.filter { Acceleration.shares.contains($0) }
    if values.count != parts.count { return nil }
  }
}
