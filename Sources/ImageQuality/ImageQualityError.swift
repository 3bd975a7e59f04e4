import Foundation

/// Weights or pictures that a metric cannot use.
public struct ImageQualityError: LocalizedError, CustomStringConvertible {
  public let description: String
  public var errorDescription: String? { description }

  init(_ description: String) { self.description = description }
}

/// The folder of the metrics' weights: `NSARM_METRIC_WEIGHTS`, else
/// `~/.cache/nsarm/metric-weights`.
public enum MetricWeights {
  public static var folder: URL {
    let environment = ProcessInfo.processInfo.environment
    if let folder = environment["NSARM_METRIC_WEIGHTS"], !folder.isEmpty {
      return URL(fileURLWithPath: folder, isDirectory: true)
    }
    return FileManager.default.homeDirectoryForCurrentUser
      .appendingPathComponent(".cache/nsarm/metric-weights", isDirectory: true)
  }

  /// Whether the weights of LPIPS are in `folder`.
  public static var arePresent: Bool {
    ["alexnet", "vgg16"].allSatisfy { name in
      FileManager.default.fileExists(
        atPath: folder.appendingPathComponent(name + ".safetensors").path)
    }
  }

  /// The path of a file in `folder`.
  ///
  /// - Throws: `ImageQualityError` with the remedy where the file is missing.
  static func path(_ name: String, in folder: URL) throws -> String {
    let path = folder.appendingPathComponent(name).path
    guard FileManager.default.fileExists(atPath: path) else {
      throw ImageQualityError(
        "\(path): no such file; run scripts/metric-weights, or set "
          + "NSARM_METRIC_WEIGHTS to the folder that holds it")
    }
    return path
  }
}
