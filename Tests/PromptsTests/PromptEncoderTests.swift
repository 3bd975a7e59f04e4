import Checkpoints
import Foundation
import ModelTestSupport
import NSARM
import TestSupport
import Testing
import Torch

@testable import Prompts

@Suite struct PromptEncoderTests {
  private let folder = try! ScratchFolder()
  private var encoderFolder: String { folder("text-encoder") }
  private var cache: PromptCache { PromptCache(folder("cache")) }

  init() throws { try TinyTextEncoder.write(to: encoderFolder) }

  private func encoder(_ cache: PromptCache?, channels: Int = 128) throws -> PromptEncoder {
    try PromptEncoder(encoderFolder, channels: channels, cache: cache)
  }

  private func values(_ encoder: PromptEncoder, _ prompts: String...) throws -> [[Float]] {
    let features = try encoder(prompts)
    return prompts.map { features[$0]!.features.to(.float32).floats }
  }

  @Test func promptsGetFeaturesOfTheirLength() throws {
    let features = try encoder(nil)(["", "A stone bridge.", "A stone bridge."])
    #expect(features.count == 2)
    #expect(features[""]!.features.shape == [1, 1, 128])
    let count = try PromptTokenizer(TinyTextEncoder.tokenizer)("A stone bridge.").count
    let bridge = features["A stone bridge."]!
    #expect(bridge.features.shape == [1, count, 128] && bridge.mask == nil)
    #expect(bridge.features.dtype == .float16 && bridge.features.isFinite().allTrue)
  }

  @Test func cachedFeaturesAreTheSame() throws {
    let prompts = ["A cat.", "Ein alter Garten", String(repeating: "photo ", count: 700)]
    let fresh = try encoder(nil)(prompts)
    let filled = try encoder(cache)(prompts)
    #expect(folder.contents.filter { $0.hasPrefix("cache/") }.count == 3)
    // The second time the encoder is not read.
    let whole = try #require(
      FileManager.default.contents(atPath: encoderFolder + "/model.safetensors"))
    let again = try encoder(cache)
    try Data().write(to: URL(fileURLWithPath: encoderFolder + "/model.safetensors"))
    let cached = try again(prompts)
    try whole.write(to: URL(fileURLWithPath: encoderFolder + "/model.safetensors"))
    for prompt in prompts {
      let expected = fresh[prompt]!.features.to(.float32).floats
      #expect(filled[prompt]!.features.to(.float32).floats == expected)
      #expect(cached[prompt]!.features.to(.float32).floats == expected)
    }
    #expect(fresh[prompts[2]]!.features.size(1) == 512)
  }

  @Test func anotherEncoderOrLimitIsAnotherKey() throws {
    let first = try values(try encoder(cache), "A cat.")
    try TinyTextEncoder.write(to: encoderFolder, seed: 9)
    #expect(try values(try encoder(cache), "A cat.") != first)
    let short = try PromptEncoder(
      encoderFolder, channels: 128, limit: 2, cache: cache)
    #expect(try short(["A cat."])["A cat."]!.features.size(1) == 2)
    #expect(folder.contents.filter { $0.hasPrefix("cache/") }.count == 3)
  }

  @Test func damagedAndForeignFilesAreIgnored() throws {
    let expected = try values(try encoder(cache), "A cat.", "A dog.")
    let files = folder.contents.filter { $0.hasPrefix("cache/") }.map { folder($0) }
    let contents = files.map { FileManager.default.contents(atPath: $0)! }
    for damage in [Data(), contents[0].prefix(100), contents[0].dropLast(), contents[1]] {
      try damage.write(to: URL(fileURLWithPath: files[0]))
      #expect(try values(try encoder(cache), "A cat.", "A dog.") == expected)
    }
    try FileManager.default.removeItem(atPath: files[0])
    try FileManager.default.createDirectory(atPath: files[0], withIntermediateDirectories: true)
    #expect(try values(try encoder(cache), "A cat.", "A dog.") == expected)
  }

  @Test func aCacheThatCannotBeWrittenIsNoFailure() throws {
    let expected = try values(try encoder(nil), "A cat.")
    let file = try folder.write("file", [1])
    #expect(try values(try encoder(PromptCache(file)), "A cat.") == expected)
    #expect(try values(try encoder(PromptCache(file + "/below")), "A cat.") == expected)
    try encoder(PromptCache(file)).fillCache(["A cat."])
  }

  @Test func theOldestMakeRoom() throws {
    var cache = cache
    let encoder = try encoder(cache)
    for prompt in ["one", "two", "three"] {
      _ = try encoder([prompt])
      Thread.sleep(forTimeInterval: 0.02)
    }
    _ = try encoder(["one"])  // young again
    let size = folder.contents.filter { $0.hasPrefix("cache/") }
      .map { FileManager.default.contents(atPath: folder($0))!.count }.max()!
    cache = PromptCache(cache.folder, limit: 2 * size + size / 2)
    cache.trim()
    func isThere(_ prompt: String) throws -> Bool {
      try FileManager.default.contentsOfDirectory(atPath: cache.folder).contains {
        try SafetensorsFile(cache.folder + "/" + $0).metadata["text"] == prompt
      }
    }
    #expect(try isThere("one") && isThere("three"))
    #expect(try !isThere("two"))
  }

  @Test func theStandardFolderFollowsTheEnvironment() {
    #expect(
      PromptCache.standard(environment: ["XDG_CACHE_HOME": "/x"]).folder == "/x/nsarm/prompts")
    for value in ["", "relative"] {
      #expect(
        PromptCache.standard(environment: ["XDG_CACHE_HOME": value]).folder
          == NSHomeDirectory() + "/.cache/nsarm/prompts")
    }
  }

  @Test func whatDoesNotFitIsTold() throws {
    func message(_ body: () throws -> Void) -> String {
      do {
        try body()
        return ""
      } catch { return "\(error)" }
    }
    let missing = folder("nothing")
    #expect(
      message { _ = try PromptEncoder(missing, channels: 128) }.contains("no such folder"))
    #expect(
      message { _ = try encoder(nil, channels: 2048)(["x"]) }
        .contains("features of 128 channels, the transformer takes 2048"))
    #expect(message { _ = try encoder(nil)([]) } == "")
    try FileManager.default.removeItem(atPath: encoderFolder + "/spiece.model")
    #expect(message { _ = try encoder(nil)(["x"]) }.contains("spiece.model: no such file"))
    struct Stop: Error {}
    try TinyTextEncoder.write(to: encoderFolder)
    #expect(throws: Stop.self) {
      _ = try encoder(nil)(["x"]) { if $0 > 0.3 { throw Stop() } }
    }
  }
}
