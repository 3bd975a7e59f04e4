import Checkpoints
import Foundation
import NSARM

/// The vocabulary of T5 as Hugging Face's fast tokenizers keep it, in `tokenizer.json`: pieces of a
/// unigram model (Kudo, 2018) with their scores, and the table by which characters are normalised.
/// SentencePiece's `spiece.model`, which some folders lack, holds the same.
public struct PublishedVocabulary {
  /// The file in the folder of a text encoder.
  public static let file = "tokenizer.json"
  /// The file of SentencePiece in the same folder.
  public static let sentencePieceFile = "spiece.model"

  struct Piece: Equatable {
    let text: String
    let score: Float
    let kind: Kind
  }

  /// Numbers as SentencePiece has them.
  enum Kind: Int { case normal = 1, unknown, control, userDefined }

  let pieces: [Piece]
  let unknown: Int
  /// Rules for characters, in SentencePiece's form.
  let characters: Data
  let addsPrefix: Bool

  /// - Parameters:
  ///   - data: the contents of `tokenizer.json`.
  ///   - path: of the file, for messages.
  /// - Throws: `CheckpointError` where it holds another kind of tokenizer.
  public init(_ data: Data, path: String) throws {
    func refused(_ reason: String) -> CheckpointError {
      CheckpointError(
        path,
        "\(reason); put T5's \(Self.sentencePieceFile) into the folder, which Hugging Face has beside"
          + " the weights")
    }
    let form: TokenizerForm
    do {
      form = try JSONDecoder().decode(TokenizerForm.self, from: data)
    } catch {
      throw refused("is no tokenizer of T5's kind")
    }
    guard form.model.type ?? "Unigram" == "Unigram", form.model.byte_fallback != true else {
      throw refused("holds a tokenizer of kind \(form.model.type ?? "?"), not T5's 'Unigram'")
    }
    let special = Dictionary(
      (form.added_tokens ?? []).map { ($0.content, $0.special) },
      uniquingKeysWith: { first, _ in first })
    // The names <extra_id_0> ... are not SentencePiece's: they follow its pieces.
    let vocabulary = form.model.vocab.prefix {
      !($0.text.hasPrefix("<extra_id_") && special[$0.text] != nil)
    }
    guard let unknown = form.model.unk_id, vocabulary.indices.contains(unknown) else {
      throw refused("does not say which piece stands for unknown ones")
    }
    guard vocabulary.count < 1 << 20, Set(vocabulary.map(\.text)).count == vocabulary.count,
      vocabulary.allSatisfy({ !$0.text.isEmpty && $0.score.isFinite })
    else { throw refused("has pieces that are empty, twice there or without a score") }
    pieces = vocabulary.enumerated().map { index, piece in
      let kind: Kind =
        if index == unknown {
          .unknown
        } else {
          switch special[piece.text] {
          case true?: .control
          case false?: .userDefined
          case nil: .normal
          }
        }
      return Piece(text: piece.text, score: piece.score, kind: kind)
    }
    self.unknown = unknown
    guard let table = form.normalizer.map(\.characters) ?? .some(Data()) else {
      throw refused("normalises text in a way that is not T5's")
    }
    characters = table
    guard let addsPrefix = form.pre_tokenizer?.addsPrefix else {
      throw refused("separates words in a way that is not T5's")
    }
    self.addsPrefix = addsPrefix
  }

  /// The same as a file of SentencePiece: its `ModelProto`.
  public var sentencePieceModel: Data {
    var model = ProtocolBuffer()
    for piece in pieces {
      var message = ProtocolBuffer()
      message.append(1, Data(piece.text.utf8))
      message.append(2, piece.score)
      if piece.kind != .normal { message.append(3, piece.kind.rawValue) }
      model.append(1, message.data)
    }
    var trainer = ProtocolBuffer()
    trainer.append(3, 1)  // unigram
    trainer.append(4, pieces.count)
    trainer.append(40, unknown)
    func place(_ name: String) -> Int { pieces.firstIndex { $0.text == name } ?? -1 }
    trainer.append(41, place("<s>"))
    trainer.append(42, place("</s>"))
    trainer.append(43, place("<pad>"))
    model.append(2, trainer.data)
    var normalizer = ProtocolBuffer()
    normalizer.append(2, characters)
    normalizer.append(3, addsPrefix ? 1 : 0)
    model.append(3, normalizer.data)
    return model.data
  }
}

/// The part of `tokenizer.json` that is read, under its own names.
private struct TokenizerForm: Decodable {
  struct Model: Decodable {
    let type: String?
    let unk_id: Int?
    let byte_fallback: Bool?
    let vocab: [Entry]
  }

  /// `["▁the", -3.2]`
  struct Entry: Decodable {
    let text: String
    let score: Float

    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      text = try list.decode(String.self)
      score = Float(try list.decode(Double.self))
    }
  }

  struct Added: Decodable {
    let content: String
    let special: Bool
  }

  struct Normalizer: Decodable {
    let type: String
    let precompiled_charsmap: String?
    let normalizers: [Normalizer]?

    /// SentencePiece's table; nil where something else than it, and what SentencePiece does by
    /// itself with spaces, belongs to the normalisation.
    var characters: Data? {
      switch type {
      case "Precompiled": return precompiled_charsmap.flatMap { Data(base64Encoded: $0) }
      case "Sequence":
        let parts = (normalizers ?? []).map(\.characters)
        guard !parts.contains(nil) else { return nil }
        let tables = parts.compactMap { $0 }.filter { !$0.isEmpty }
        return tables.count > 1 ? nil : tables.first ?? Data()
      case "Replace", "Strip": return Data()
      default: return nil
      }
    }
  }

  struct PreTokenizer: Decodable {
    let type: String
    let add_prefix_space: Bool?
    let prepend_scheme: String?
    let pretokenizers: [PreTokenizer]?

    /// Whether a space is put in front of a text; nil where spaces do not become "▁".
    var addsPrefix: Bool? {
      switch type {
      case "Metaspace": prepend_scheme.map { $0 != "never" } ?? add_prefix_space ?? true
      case "Sequence": (pretokenizers ?? []).lazy.compactMap(\.addsPrefix).first
      default: nil
      }
    }
  }

  let model: Model
  let added_tokens: [Added]?
  let normalizer: Normalizer?
  let pre_tokenizer: PreTokenizer?
}

/// A message of Google's Protocol Buffers, as far as it is needed here.
private struct ProtocolBuffer {
  private(set) var data = Data()

  /// A number; negative ones take ten bytes.
  mutating func append(_ field: Int, _ value: Int) {
    append(varint: UInt64(field) << 3)
    append(varint: UInt64(bitPattern: Int64(value)))
  }

  mutating func append(_ field: Int, _ value: Float) {
    append(varint: UInt64(field) << 3 | 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
  }

  /// Text, bytes or another message.
  mutating func append(_ field: Int, _ bytes: Data) {
    append(varint: UInt64(field) << 3 | 2)
    append(varint: UInt64(bytes.count))
    data.append(bytes)
  }

  private mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      data.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    data.append(UInt8(rest))
  }
}
