import Foundation
import ModelTestSupport
import TestSupport
import Testing

@testable import Prompts

@Suite struct PromptTokenizerTests {
  private struct Example: Decodable {
    let text: String
    let times: Int
    let ids: [Int]
  }

  private let tokenizer = try! PromptTokenizer(TinyTextEncoder.tokenizer)

  /// The output of Hugging Face's tokenizers (Fixtures/make.py).
  @Test func equalsTheReference() throws {
    let file = URL(fileURLWithPath: TinyTextEncoder.tokenizer).deletingLastPathComponent()
      .appendingPathComponent("prompts.json")
    let examples = try JSONDecoder().decode([Example].self, from: Data(contentsOf: file))
    #expect(examples.count > 50)
    for example in examples {
      let text = String(repeating: example.text, count: example.times)
      #expect(try tokenizer(text) == example.ids, "\(example.text.debugDescription)")
    }
  }

  @Test func longTextsAreCutBeforeTheEnd() throws {
    let text = String(repeating: "A stone bridge. ", count: 300)
    let whole = try tokenizer(text, limit: .max)
    for limit in [1, 2, 77, 512] {
      #expect(try tokenizer(text, limit: limit) == whole.prefix(limit - 1) + [1])
    }
    #expect(try tokenizer("", limit: 1) == [1])
  }

  @Test func severalThreadsMayAsk() async throws {
    let expected = try tokenizer("A red bicycle leans against a white wall.")
    try await withThrowingTaskGroup(of: [Int].self) { group in
      for _ in 0..<16 {
        group.addTask { try tokenizer("A red bicycle leans against a white wall.") }
      }
      for try await ids in group { #expect(ids == expected) }
    }
  }

  /// Damaged models are rejected or harmless.
  @Test func mutants() throws {
    let folder = try ScratchFolder()
    let whole = [UInt8](FileManager.default.contents(atPath: TinyTextEncoder.tokenizer)!)
    var mutator = Mutator(seed: 5)
    var accepted = 0
    // The pieces, and then the table of characters.
    for (range, count) in [(0..<4000, 100), (4000..<whole.count, 100)] {
      for _ in 0..<Mutator.count(count) {
        let path = try folder.write("spiece.model", mutator.mutant(of: whole, in: range))
        do {
          let tokenizer = try PromptTokenizer(path)
          for text in ["", "A photo of a cat.", "\u{FF26} e\u{301} \u{FB01} \u{2460} \u{1F600}"] {
            #expect(try tokenizer(text).last == 1)
          }
          accepted += 1
        } catch let error as PromptError {
          #expect(!error.description.contains("\n"))
        }
      }
    }
    #expect(accepted > 0)
  }

  @Test func badFilesAreRefused() throws {
    let folder = try ScratchFolder()
    func message(_ path: String) -> String {
      do {
        _ = try PromptTokenizer(path)
        return ""
      } catch { return "\(error)" }
    }
    #expect(message(folder("spiece.model")).contains("no such file"))
    #expect(message(folder.path).contains("no such file"))
    let whole = [UInt8](FileManager.default.contents(atPath: TinyTextEncoder.tokenizer)!)
    for bytes in [
      [], Array("text".utf8), Array(whole.prefix(3000)), Array(repeating: 0xFF, count: 64),
    ] {
      let path = try folder.write("spiece.model", bytes)
      let text = message(path)
      #expect(text.hasPrefix(path) && text.contains("is not a SentencePiece model"), "\(text)")
      #expect(!text.contains("\n"))
    }
  }
}
