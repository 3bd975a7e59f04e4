import Foundation

/// The user's own folders (XDG Base Directory Specification).
public enum UserFolder: String {
  case cache = "XDG_CACHE_HOME"
  case configuration = "XDG_CONFIG_HOME"
  case data = "XDG_DATA_HOME"

  private var standard: String {
    switch self {
    case .cache: ".cache"
    case .configuration: ".config"
    case .data: ".local/share"
    }
  }

  /// The value of the environment variable where it is ignored because it is not an absolute path;
  /// nil otherwise.
  public func ignored(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> String? {
    environment[rawValue].flatMap { $0.isEmpty || $0.hasPrefix("/") ? nil : $0 }
  }

  /// The folder that the environment names, where that is an absolute path, otherwise the default
  /// one in `HOME`; nil where that is not set either.
  public func path(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> String? {
    if let set = environment[rawValue], set.hasPrefix("/") { return set }
    return environment["HOME"].map { "\($0)/\(standard)" }
  }
}
