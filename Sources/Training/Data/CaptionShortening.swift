import Settings
import Torch

/// The shortening of captions to their first sentences, so that a model knows short prompts, too
/// (as Infinity's training code does, with probabilities of 0.2 and 0.5).
public struct CaptionShortening: Codable, Equatable, Sendable {
  /// The probability that a caption's beginning alone is left: its first sentence, or the first two
  /// where that has fewer than 15 words.
  public var probability = 0.0
  /// Whether the other captions keep a random number of sentences, more than those of the
  /// beginning.
  public var randomLength = false

  public init() {}

  func validate(_ check: SettingsCheck) throws {
    try check("probability", probability, 0...1)
  }

  /// A sentence of fewer words is not enough of a beginning.
  private static let fewestWords = 15

  /// The ends of a text's sentences: full stops, exclamation and question marks before a space or
  /// the text's end, and the text's end.
  private static func ends(of text: String) -> [String.Index] {
    var ends: [String.Index] = []
    for index in text.indices where ".!?".contains(text[index]) {
      let next = text.index(after: index)
      if next == text.endIndex || text[next].isWhitespace { ends.append(next) }
    }
    let written = text.lastIndex { !$0.isWhitespace }.map(text.index(after:)) ?? text.endIndex
    return ends.last == written ? ends : ends + [text.endIndex]
  }

  /// The beginning and the longer texts up to the whole one that a caption may become.
  private static func beginnings(of text: String) -> [String] {
    let ends = ends(of: text)
    let words = text[..<ends[0]].split(whereSeparator: \.isWhitespace).count
    let fewest = min(words >= fewestWords ? 1 : 2, ends.count)
    return ends[(fewest - 1)...].dropLast().map { String(text[..<$0]) } + [text]
  }

  /// The texts that a caption may become.
  func texts(of text: String) -> [String] {
    guard probability > 0 || randomLength else { return [text] }
    let all = Self.beginnings(of: text)
    guard randomLength else { return all.count > 1 ? [all[0], text] : [text] }
    return probability > 0 || all.count == 1 ? all : Array(all.dropFirst())
  }

  /// The text that a caption becomes.
  func callAsFunction(_ text: String, _ random: inout RandomStream) -> String {
    guard probability > 0 || randomLength else { return text }
    let all = Self.beginnings(of: text)
    if random.chance(probability) { return all[0] }
    guard randomLength, all.count > 1 else { return text }
    return all[1 + random.index(all.count - 1)]
  }
}
