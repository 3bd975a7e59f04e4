import Foundation
import TestSupport
import Testing

@testable import Prompts

@Suite struct CaptionFileTests {
  private let folder = try! ScratchFolder()

  private func file(_ text: String) throws -> CaptionFile {
    try CaptionFile(try folder.write("captions.jsonl", Array(text.utf8)))
  }

  private func line(_ path: String, _ caption: String) throws -> String {
    let object = ["image_path": path, "long_caption": caption, "h_div_w": "1.0"]
    return String(decoding: try JSONEncoder().encode(object), as: UTF8.self)
  }

  @Test func picturesAreFoundByPathAndByName() throws {
    let lines = [
      try line("a/one.png", "first"), "", try line("/data/b/two.jpg", "a \"second\" — ünïcode"),
      "  ",
      try line("b/one.png", "third"), try line("three.png", "fourth"),
    ]
    for separator in ["\n", "\r\n"] {
      let captions = try file(lines.joined(separator: separator) + separator)
      #expect(captions.count == 4)
      #expect(captions(folder("a/one.png")) == "first")
      #expect(captions(folder("b/../a/./one.png")) == "first")
      #expect(captions("/elsewhere/b/one.png") == "third")
      #expect(captions("/elsewhere/c/one.png") == nil)
      #expect(captions("two.jpg") == "a \"second\" — ünïcode")
      #expect(captions("/x/three.png") == "fourth")
      #expect(captions("four.png") == nil)
    }
  }

  @Test func ofLinesAboutOnePathTheLastCounts() throws {
    let captions = try file(
      [try line("a.png", "old"), try line("./a.png", "new")].joined(separator: "\n"))
    #expect(captions.count == 1 && captions("a.png") == "new")
  }

  @Test(arguments: [
    ("{", "not valid JSON"), ("[1]", "not a JSON object"), ("3", "not a JSON object"),
    (#"{"image_path": "a"}"#, "'long_caption' is missing"),
    (#"{"long_caption": "a"}"#, "'image_path' is missing"),
    (#"{"image_path": 3, "long_caption": "a"}"#, "'image_path' is not a string"),
    (#"{"image_path": "a", "long_caption": null}"#, "'long_caption' is not a string"),
    (#"{"image_path": "a", "long_caption": "b"} x"#, "not valid JSON"),
    (String(repeating: "[", count: 100_000), "JSON"),
  ]) func badLinesAreNumbered(_ bad: String, _ problem: String) throws {
    let good = try line("a.png", "text")
    do {
      _ = try file("\(good)\n\n\(bad)\n\(good)\n")
      Issue.record("accepted")
    } catch {
      let text = "\(error)"
      #expect(text.hasPrefix(folder("captions.jsonl:3: ")) && text.contains(problem), "\(text)")
      #expect(!text.contains("\n") && text.count < 400)
    }
  }

  @Test func filesThatAreNoneAreRefused() throws {
    #expect(throws: PromptError.self) { try CaptionFile(folder("nothing.jsonl")) }
    #expect(throws: PromptError.self) { try CaptionFile(folder.path) }
    #expect(throws: PromptError.self) { try file("") }
    #expect(throws: PromptError.self) { try file("\n \n") }
    let bytes: [UInt8] = [0x7B, 0x22, 0xFF, 0xFE, 0x22, 0x7D]
    let path = try folder.write("bytes.jsonl", bytes)
    #expect(throws: PromptError.self) { try CaptionFile(path) }
  }
}
