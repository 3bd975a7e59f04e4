import ArgumentParser
import Files
import Foundation
import Settings
import YAMLSettings
import Yams

/// The user's own defaults: a YAML file with options of subcommands, which stand before those of
/// the command line and so give way to them, as to options that exclude them.
///
/// ```yaml
/// upscale:
///   format: webp
///   max-memory: 6G
///   skip-existing: true
/// ```
struct DefaultsFile {
  let path: String
  private let sections: Node.Mapping

  /// The file that `NSARM_CONFIG` names (empty: none), else `nsarm/config.yaml` in
  /// `$XDG_CONFIG_HOME` or `~/.config`; nil where there is none.
  /// - Throws: `ValidationError` where it cannot be read or is no such file.
  init?(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
    if let named = environment["NSARM_CONFIG"] {
      guard !named.isEmpty else { return nil }
      path = named
    } else {
      guard let folder = UserFolder.configuration.path(environment: environment) else { return nil }
      path = folder + "/nsarm/config.yaml"
    }
    let data: Data?
    do {
      data = try SettingsFile.contents(path)
    } catch let problem as SettingsProblem {
      throw ValidationError("\(path): \(problem)")
    }
    if data == nil, environment["NSARM_CONFIG"] == nil { return nil }
    guard let text = data.flatMap({ String(data: $0, encoding: .utf8) }) else {
      throw ValidationError("\(path): cannot be read; NSARM_CONFIG names a YAML file of defaults")
    }
    sections = try SettingsDecoding { [path] in ValidationError("\(path): \($0)") }
      .mapping(
        of: text, example: "it begins with a subcommand, such as 'upscale:'", mayBeEmpty: true)
    let known = Set(
      NSARMCommand.configuration.subcommands.compactMap { $0.configuration.commandName })
    for (key, _) in sections {
      guard let name = key.string, known.contains(name) else {
        throw ValidationError(
          "\(path): '\(key.string ?? "?")' is no subcommand; there are "
            + known.sorted().joined(separator: ", "))
      }
    }
  }

  /// The options of `subcommand`: "--format=webp", and "--skip-existing" for what is true.
  /// - Throws: `ValidationError` naming the key whose value is none of an option.
  func arguments(for subcommand: String) throws -> [String] {
    guard let section = sections[Node(subcommand)], section.null == nil else { return [] }
    guard let options = section.mapping else {
      throw ValidationError("\(path): '\(subcommand)' holds no options, such as 'format: webp'")
    }
    return try options.flatMap { key, value in
      guard let name = key.string, !name.isEmpty else {
        throw ValidationError("\(path): '\(subcommand)' has a key that is no option's name")
      }
      let option = "--" + name.replacingOccurrences(of: "_", with: "-")
      if let isOn = value.bool { return isOn ? [option] : [] }
      return try (value.sequence.map(Array.init) ?? [value]).map { value in
        guard let text = value.scalar?.string, value.null == nil else {
          throw ValidationError("\(path): '\(subcommand).\(name)' is no value of an option")
        }
        return "\(option)=\(text)"
      }
    }
  }
}

extension NSARMCommand {
  /// Options that cannot be combined: one on the command line takes the place of defaults.
  private static let exclusiveOptions: [Set<String>] = [
    ["--scale", "--width", "--height", "--long-side", "--megapixels"],
    ["--suffix", "--name"], ["--overwrite", "--skip-existing"],
  ]

  /// The defaults that `arguments` do not exclude.
  private static func givingWay(_ defaults: [String], to arguments: [String]) -> [String] {
    func name(_ option: String) -> String { String(option.prefix { $0 != "=" }) }
    let given = Set(arguments.map(name))
    let replaced = exclusiveOptions.filter { !$0.isDisjoint(with: given) }
      .reduce(into: Set<String>()) { $0.formUnion($1) }
    return defaults.filter { !replaced.contains(name($0)) }
  }

  /// The command that `arguments` stand for, with the user's defaults.
  /// - Throws: also where the defaults are wrong; then the message names their file.
  static func parsed(_ arguments: [String]) throws -> any ParsableCommand {
    guard let subcommand = arguments.first, let defaults = try DefaultsFile(),
      case let options = try givingWay(
        defaults.arguments(for: subcommand), to: Array(arguments.dropFirst())), !options.isEmpty
    else { return try parseAsRoot(arguments) }
    do {
      return try parseAsRoot([subcommand] + options + arguments.dropFirst())
    } catch  where !exitCode(for: error).isSuccess {
      // Mistakes of the command line itself come first.
      _ = try parseAsRoot(arguments)
      throw ValidationError("\(defaults.path): \(message(for: error))")
    }
  }
}
