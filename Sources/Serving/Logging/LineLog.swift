import Files
import Foundation
import Logging

/// A log handler that writes one line per event: text for people, or JSON Lines
/// (https://jsonlines.org) for programs.
public struct LineLog: LogHandler {
  public enum Format: String, CaseIterable, Sendable { case text, json }

  public var logLevel = Logger.Level.notice
  public var metadata: Logger.Metadata = [:]
  public var metadataProvider: Logger.MetadataProvider?
  private let label: String
  private let format: Format
  private let write: @Sendable (String) -> Void

  /// - Parameter write: receives each line, with its line break.
  public init(label: String, format: Format, write: @escaping @Sendable (String) -> Void) {
    (self.label, self.format, self.write) = (label, format, write)
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    // The command that runs the service group reports the error of a service itself, in words for
    // people.
    guard event.source != "ServiceLifecycle" || event.level < .notice else { return }
    let all = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }
      .merging(event.metadata ?? [:]) { $1 }
    let time = Date()
    switch format {
    case .text:
      let pairs = all.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }
      write(
        "\(time.formatted(Self.seconds)) \(event.level) \(label):"
          + " \(oneLine("\(event.message)", limit: 2000))\(pairs.joined())\n")
    case .json:
      let line = Line(
        time: time.formatted(Self.milliseconds), level: event.level.rawValue,
        message: "\(event.message)", metadata: all)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      guard let json = try? encoder.encode(line) else { return }
      write(String(decoding: json, as: UTF8.self) + "\n")
    }
  }

  private static let seconds = Date.ISO8601FormatStyle()
  private static let milliseconds = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

  /// The text, in quotation marks if it contains spaces, quotation marks or equals signs.
  private static func quoted(_ text: String) -> String {
    let text = oneLine(text, limit: 2000)
    let isPlain = !text.isEmpty && !text.contains { " \"=".contains($0) }
    return isPlain ? text : "\"" + text.replacing("\"", with: "'") + "\""
  }
}

/// An event as a JSON object: the metadata are members beside the time, the level and the message.
private struct Line: Encodable {
  let time, level, message: String
  let metadata: Logger.Metadata

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for (name, value) in metadata {
      try container.encode(Value(value: value), forKey: Key(stringValue: name))
    }
    try container.encode(time, forKey: Key(stringValue: "time"))
    try container.encode(level, forKey: Key(stringValue: "level"))
    try container.encode(message, forKey: Key(stringValue: "message"))
  }

  /// Keeps numbers as numbers.
  private struct Value: Encodable {
    let value: Logger.MetadataValue

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch value {
      case .stringConvertible(let number as Int): try container.encode(number)
      case .stringConvertible(let number as Double) where number.isFinite:
        try container.encode(number)
      case .array(let values): try container.encode(values.map(Value.init))
      case .dictionary(let values): try container.encode(values.mapValues(Value.init))
      default: try container.encode("\(value)")
      }
    }
  }
}
