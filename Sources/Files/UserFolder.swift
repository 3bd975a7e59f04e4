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

  /// What the environment names in vain, since it is no absolute path; nil: nothing.
  public func ignored(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> String? {
    environment[rawValue].flatMap { $0.isEmpty || $0.hasPrefix("/") ? nil : $0 }
  }

  /// What the environment names, where that is an absolute path, else the customary one in `HOME`;
  /// nil where that is not set either.
  public func path(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> String? {
    if let set = environment[rawValue], set.hasPrefix("/") { return set }
    return environment["HOME"].map { "\($0)/\(standard)" }
  }
}
