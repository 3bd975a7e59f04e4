import CSentencePiece
import Foundation

/// Text to the ids that T5 was trained with: pieces of a SentencePiece unigram model (Kudo, 2018),
/// the names of special tokens as the tokens themselves, the end of the text; equal to Hugging
/// Face's T5 tokenizer.
///
/// `@unchecked`: the library reads its model only.
public final class PromptTokenizer: @unchecked Sendable {
  private static let end = 1
  /// Tokens after the pieces, in falling order: `<extra_id_99>` ... `<extra_id_0>`.
  private static let extraCount = 100

  private let model: OpaquePointer
  /// Ids of the tokens that a text may name.
  private let specials: [String: Int]
  private let longestName: Int
  /// Pieces of the vocabulary and the extra tokens.
  public let count: Int

  /// - Parameter path: a model of SentencePiece, as a rule `spiece.model`.
  /// - Throws: `PromptError` where it is missing or is none.
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
        "\(path): is no model of SentencePiece (\(oneLine(reason))); copy it again")
    }
    self.model = model
    let count = Int(csp_size(model)) + Self.extraCount
    var specials = ["<pad>": 0, "</s>": Self.end, "<unk>": 2]
    for number in 0..<Self.extraCount { specials["<extra_id_\(number)>"] = count - 1 - number }
    (self.count, self.specials) = (count, specials)
    longestName = specials.keys.map(\.utf8.count).max()!
  }

  deinit { csp_release(model) }

  /// The ids of `text`, the end's last.
  ///
  /// - Parameter limit: the most ids, the end's among them; more are cut off before the end.
  /// - Throws: `PromptError` where the library fails, for example for want of memory.
  public func callAsFunction(_ text: String, limit: Int = 512) throws -> [Int] {
    precondition(limit > 0, "room for the end")
    // Bytes, since a Character may be a name's ">" together with an accent after it.
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
    guard let ids else { throw PromptError("a prompt cannot be encoded: \(oneLine(reason))") }
    return (0..<length).map { Int(ids[$0]) }
  }
}

/// A message of the library on one line.
private func oneLine(_ text: UnsafePointer<CChar>?) -> String {
  let words = text.map { String(cString: $0) } ?? "an unknown error"
  return words.split(whereSeparator: \.isNewline).joined(separator: " ")
}
