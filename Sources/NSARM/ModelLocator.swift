import Checkpoints
import Files
import Foundation

/// Finds model folders by path or by name.
public enum ModelLocator {
  /// The model that is used where none is named.
  public static let defaultName = "nano"

  /// The folder of a model.
  ///
  /// A path to a folder is taken as it is. A name, or `nil` for the default (`NSARM_MODEL` in the
  /// environment, which may be a path too, else `defaultName`), is looked for as Models/NAME in the
  /// working directory and the executable's folder and in all folders above them.
  /// - Throws: `UnknownModel` where no folder Models has the name, `CheckpointError` where a path
  ///   leads to no model folder.
  public static func find(
    _ nameOrPath: String?, environment: [String: String] = ProcessInfo.processInfo.environment,
    roots: [String] = ModelLocator.defaultRoots
  ) throws -> String {
    let set = environment["NSARM_MODEL"].flatMap { $0.isEmpty ? nil : $0 }
    let wanted = nameOrPath ?? set ?? defaultName
    if isFolder(wanted), nameOrPath != nil || set != nil { return wanted }
    if !wanted.contains("/") {
      for folder in folders(roots) {
        let candidate = "\(folder)/\(wanted)"
        if FileManager.default.fileExists(atPath: candidate + "/config.json") { return candidate }
      }
    }
    if FileManager.default.fileExists(atPath: wanted) {
      throw CheckpointError(wanted, "is no model folder; name the folder that holds config.json")
    }
    guard wanted.contains("/") else { throw UnknownModel(name: wanted) }
    throw CheckpointError(wanted, "no such model folder")
  }

  /// The places in which a name is looked for, the first one first.
  static func folders(_ roots: [String]) -> [String] {
    roots.flatMap { ancestors(of: $0).map { ($0 as NSString).appendingPathComponent("Models") } }
  }

  /// The working directory and the folder of the executable, links followed.
  public static var defaultRoots: [String] {
    var roots = [FileManager.default.currentDirectoryPath]
    if let executable = Bundle.main.executableURL {
      roots.append(executable.resolvingSymlinksInPath().deletingLastPathComponent().path)
    }
    return roots
  }
}

/// There is no model of a name where `ModelLocator` looks.
public struct UnknownModel: LocalizedError, CustomStringConvertible, Sendable {
  public let name: String

  public var description: String {
    "\(name): no such model; there is no Models/\(name) in the working directory, beside the program"
      + " or above them"
  }

  public var errorDescription: String? { description }
}
