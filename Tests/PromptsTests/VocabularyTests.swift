import Checkpoints
import Foundation
import ModelTestSupport
import NSARM
import PublishedCheckpoints
import TestSupport
import Testing

@testable import Prompts

/// The vocabulary of a fast tokenizer, `tokenizer.json`, as a model of SentencePiece.
@Suite struct VocabularyTests {
  /// The output of Hugging Face's converter for the fixture's model: its pieces and its table,
  /// followed by the extra names.
  private func tokenizer() throws -> [String: Any] {
    let model = try SentencePieceFields(
      Data(contentsOf: URL(fileURLWithPath: TinyTextEncoder.tokenizer)))
    let pieces = try model.messages(1).map { piece -> [Any] in
      let text = String(decoding: try #require(piece.bytes(1).first), as: UTF8.self)
      let score = try #require(piece.floats(2).first)
      return [text, Double(score)]
    }
    let extra = (0..<100).reversed().map { "<extra_id_\($0)>" }
    let table = try #require(try model.messages(3)[0].bytes(2).first)
    let names = ["<pad>", "</s>", "<unk>"] + extra
    return [
      "version": "1.0",
      "added_tokens": names.enumerated().map {
        ["id": $0.offset, "content": $0.element, "special": true, "lstrip": false]
      },
      "normalizer": [
        "type": "Sequence",
        "normalizers": [
          ["type": "Precompiled", "precompiled_charsmap": table.base64EncodedString()],
          ["type": "Replace", "pattern": ["Regex": " {2,}"], "content": "▁"],
        ],
      ],
      "pre_tokenizer": [
        "type": "Sequence",
        "pretokenizers": [
          ["type": "WhitespaceSplit"],
          ["type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"],
        ],
      ],
      "model": [
        "type": "Unigram", "unk_id": 2, "vocab": pieces + extra.map { [$0, 0.0] },
      ],
    ]
  }

  private func vocabulary(_ json: [String: Any]) throws -> PublishedVocabulary {
    try PublishedVocabulary(
      try JSONSerialization.data(withJSONObject: json), path: "t5/tokenizer.json")
  }

  private struct Example: Decodable {
    let text: String
    let times: Int
    let ids: [Int]
  }

  @Test func idsAreThoseOfTheReference() throws {
    let folder = try ScratchFolder()
    let model = try vocabulary(try tokenizer()).sentencePieceModel
    let converted = try PromptTokenizer(try folder.write("spiece.model", model))
    #expect(converted.count == (try PromptTokenizer(TinyTextEncoder.tokenizer)).count)
    let file = URL(fileURLWithPath: TinyTextEncoder.tokenizer).deletingLastPathComponent()
      .appendingPathComponent("prompts.json")
    let examples = try JSONDecoder().decode([Example].self, from: Data(contentsOf: file))
    for example in examples {
      let text = String(repeating: example.text, count: example.times)
      #expect(try converted(text) == example.ids, "\(example.text.debugDescription)")
    }
  }

  @Test func othersAreRefused() throws {
    func problem(_ change: (inout [String: Any]) -> Void) throws -> String {
      var json = try tokenizer()
      change(&json)
      do {
        _ = try vocabulary(json)
      } catch {
        return "\(error)"
      }
      return "accepted"
    }
    #expect(try problem { _ in } == "accepted")
    for (change, part) in [
      ({ $0["model"] = ["type": "BPE", "vocab": ["a": 1]] }, "is no tokenizer of T5's kind"),
      ({ $0["model"] = ["type": "WordPiece", "vocab": []] }, "of kind WordPiece"),
      ({ $0["model"] = ["unk_id": 3, "vocab": [["a", 0.5]]] }, "stands for unknown ones"),
      (
        { $0["model"] = ["unk_id": 0, "vocab": [["a", 0.5], ["a", 1.5]]] },
        "empty, twice there or without"
      ),
      ({ $0["normalizer"] = ["type": "Lowercase"] }, "normalises text in a way"),
      ({ $0["pre_tokenizer"] = ["type": "ByteLevel"] }, "separates words in a way"),
    ] as [((inout [String: Any]) -> Void, String)] {
      let text = try problem(change)
      #expect(text.hasPrefix("t5/tokenizer.json: ") && text.contains(part), "\(text)")
      #expect(text.contains("put T5's spiece.model into the folder"))
    }
  }
}

/// The fields of a message of Protocol Buffers, by their numbers.
private struct SentencePieceFields {
  private var byteFields: [Int: [Data]] = [:]
  private var floatFields: [Int: [Float]] = [:]

  init(_ data: Data) throws {
    var rest = Array(data)[...]
    func number() -> Int {
      var (value, shift) = (0, 0)
      while let byte = rest.popFirst() {
        value |= Int(byte & 0x7f) << shift
        shift += 7
        if byte < 0x80 { break }
      }
      return value
    }
    while !rest.isEmpty {
      let tag = number()
      switch tag & 7 {
      case 0: _ = number()
      case 2:
        let count = number()
        byteFields[tag >> 3, default: []].append(Data(rest.prefix(count)))
        rest = rest.dropFirst(count)
      default:
        let bits = rest.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        floatFields[tag >> 3, default: []].append(Float(bitPattern: bits))
        rest = rest.dropFirst(4)
      }
    }
  }

  func bytes(_ field: Int) -> [Data] { byteFields[field] ?? [] }
  func floats(_ field: Int) -> [Float] { floatFields[field] ?? [] }

  func messages(_ field: Int) throws -> [SentencePieceFields] {
    try bytes(field).map { try SentencePieceFields($0) }
  }
}
