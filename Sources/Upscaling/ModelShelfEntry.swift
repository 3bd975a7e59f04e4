import Files
import Foundation
import NSARM

extension ModelShelf {
  /// A model that there is, loaded or not.
  public struct Entry: Sendable {
    /// The name that it is asked for by: its folder's.
    public let name: String
    /// A sentence on its purpose; empty where there is none.
    public let description: String
    public let folder: ModelFolder
    /// Whether it takes another strength than 1.
    public let hasDial: Bool

    public init(_ folder: ModelFolder, description: String = "") {
      name = folder.name
      self.description = description
      self.folder = folder
      hasDial = folder.hasTwin
    }

    /// Whether it takes a prompt: it is conditioned on text, and its text encoder is there.
    public var takesPrompt: Bool {
      folder.configuration.transformer?.text != nil && isFolder(folder.textEncoderPath)
    }

    /// The numbers of scales that it can run; nil: it has none.
    public var scaleCounts: ClosedRange<Int>? {
      let configuration = folder.configuration
      return configuration.network == nil
        ? configuration.fewestScales...configuration.schedule.count : nil
    }

    /// The temperature that the model recommends; nil: it draws no code.
    public var temperature: Double? {
      let configuration = folder.configuration
      return configuration.drawsCode ? configuration.sampling.temperature : nil
    }
  }

  /// The models that can be named and can restore, those that come with the package first.
  public static func found(roots: [String] = ModelLocator.defaultRoots) -> [Entry] {
    ModelCatalog.models(roots: roots).filter(\.folder.configuration.restores)
      .map { Entry($0.folder, description: $0.description ?? "") }
  }
}

/// Why a model cannot be had, in one line.
public enum ModelShelfError: LocalizedError, CustomStringConvertible, Equatable, Sendable {
  case unknown(String, known: [String])
  case noDial(String, withDial: [String])

  public var description: String {
    switch self {
    case .unknown(let name, let known):
      "model: there is no '\(name)'; there \(known.count == 1 ? "is" : "are")"
        + " \(known.joined(separator: ", "))"
    case .noDial(let name, let others):
      "strength: model '\(name)' has no dial and knows a strength of 1 alone;"
        + (others.isEmpty
          ? " no model here has one"
          : " one with a dial is \(others.joined(separator: ", "))")
    }
  }

  public var errorDescription: String? { description }
}
