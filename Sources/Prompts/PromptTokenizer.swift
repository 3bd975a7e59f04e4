import CSentencePiece
import Files
import Foundation

/// Converts text to the token ids that T5 was trained with: pieces of a SentencePiece unigram model
/// (Kudo, 2018), special tokens where their names occur, and the end of the text. Equal to Hugging
/// Face's T5 tokenizer.
public final class PromptTokenizer: Sendable {
  private static let end = 1
  /// The number of tokens after the pieces, in descending order: `<extra_id_99>` ...
  /// `<extra_id_0>`.
  private static let extraCount = 100

  /// Immutable: the library only reads it.
  nonisolated(unsafe) private let model: OpaquePointer
  /// The ids of special tokens by their names in a text.
  private let specials: [String: Int]
  private let longestName: Int
  /// The size of the vocabulary: pieces and extra tokens.
  public let count: Int

  /// - Parameter path: a SentencePiece model, usually `spiece.model`.
  /// - Throws: `PromptError` where the file is missing or is not such a model.
  public init(_ path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw PromptError(
        "\(path): no such file, or it cannot be read; a text encoder's folder holds it")
    }
    var reason: UnsafeMutablePointer<CChar>?
    let model = data.withUnsafeBytes { csp_load($0.baseAddress, $0.count, &reason) }
    defer { free(reason) }
    guard let model else {
      throw PromptError(
        "\(path): is not a SentencePiece model (\(message(reason))); copy it again")
    }
    self.model = model
    let count = Int(csp_size(model)) + Self.extraCount
    var specials = ["<pad>": 0, "</s>": Self.end, "<unk>": 2]
    for number in 0..<Self.extraCount { specials["<extra_id_\(number)>"] = count - 1 - number }
    (self.count, self.specials) = (count, specials)
    longestName = specials.keys.map(\.utf8.count).max()!
  }

  deinit { csp_release(model) }

  /// The ids of `text`, with the end of the text last.
  ///
  /// - Parameter limit: the largest number of ids, including the end; further ones are cut off
  ///   before the end.
  /// - Throws: `PromptError` where the library fails, for example for lack of memory.
  public func callAsFunction(_ text: String, limit: Int = 512) throws -> [Int] {
    precondition(limit > 0, "room for the end")
    // Bytes, since a `Character` may be a name's ">" together with a combining accent.
    var rest = Array(text.utf8)[...]
    var ids: [Int] = []
    while let (range, token) = firstSpecial(in: rest) {
      ids += try pieces(rest[..<range.lowerBound])
      ids.append(token)
      rest = rest[range.upperBound...]
    }
    ids += try pieces(rest)
    return ids.prefix(limit - 1) + [Self.end]
  }

  /// The first name of a special token in UTF-8.
  private func firstSpecial(in text: ArraySlice<UInt8>) -> (range: Range<Int>, token: Int)? {
    var start = text.startIndex
    while let open = text[start...].firstIndex(of: UInt8(ascii: "<")) {
      if let close = text[open...].prefix(longestName).firstIndex(of: UInt8(ascii: ">")),
        let token = specials[String(decoding: text[open...close], as: UTF8.self)]
      {
        return (open..<close + 1, token)
      }
      start = open + 1
    }
    return nil
  }

  private func pieces(_ text: ArraySlice<UInt8>) throws -> [Int] {
    guard !text.isEmpty else { return [] }
    var length = 0
    var reason: UnsafeMutablePointer<CChar>?
    let ids = text.withUnsafeBytes {
      csp_encode(
        model, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count, &length, &reason)
    }
    defer {
      free(reason)
      free(ids)
    }
    guard let ids else { throw PromptError("a prompt cannot be encoded: \(message(reason))") }
    return (0..<length).map { Int(ids[$0]) }
  }
}

/// A message of the library on one line.
private func message(_ text: UnsafePointer<CChar>?) -> String {
  text.map { oneLine(String(cString: $0)) } ?? "an unknown error"
}
