import Foundation
import Imaging
import TestSupport
import Testing

@testable import Evaluation

@Suite struct PeerCommandTests {
  private let scratch = try! ScratchFolder()

  @Test(arguments: [
    ("a b  c", ["a", "b", "c"]), ("a 'b c' \"d e\"", ["a", "b c", "d e"]),
    (#"a\ b "c\"d" 'e\f' $HOME *"#, ["a b", "c\"d", #"e\f"#, "$HOME", "*"]),
    (#"x'y'"z" '' "a\b""#, ["xyz", "", #"a\b"#]), ("  ", []),
  ])
  func words(line: String, expected: [String]) { #expect(commandWords(line) == expected) }

  @Test(arguments: ["'a", "\"a", #"a\"#]) func openEnds(line: String) {
    #expect(commandWords(line) == nil)
  }

  private func input() throws -> MethodInput {
    let image = waves(20, 12)
    // Spaces, shell characters and placeholders in a name have no effect.
    try scratch.write(image, "in $(touch x) {output}.png")
    return MethodInput(
      set: "s", label: "a", image: image, original: nil, seed: 1,
      file: scratch("in $(touch x) {output}.png"), width: 20, height: 12)
  }

  @Test func picturesOneByOne() throws {
    let input = try input()
    let peer = try PeerCommand("copy=cp {input} {output}")
    #expect(!peer.takesFolders)
    let (image, seconds) = try peer.restore(input)
    #expect(image.samples == input.image.samples && seconds! > 0)
  }

  @Test func folders() throws {
    let input = try input()
    let peer = try PeerCommand("copy=cp -r {inputs}/. {outputs}")
    #expect(peer.takesFolders)
    let outputs = ["1.png", "2.png"].map { scratch($0) }
    #expect(try peer.restoreAll(outputs.map { (input.file, $0) }) > 0)
    for path in outputs { #expect(try ImageFile.readRGB(path).samples == input.image.samples) }
    let lossy = try PeerCommand("none=true {inputs} {outputs}")
    #expect(throws: EvaluationError.self) { try lossy.restoreAll([(input.file, outputs[0])]) }
  }

  @Test func failuresAreNamed() throws {
    let input = try input()
    func problem(_ command: String) -> String {
      do {
        _ = try PeerCommand(command).restore(input)
        return ""
      } catch { return "\(error)" }
    }
    #expect(problem("cp {input} {output}").contains("NAME=COMMAND"))
    #expect(problem("a b=cp {input} {output}").contains("NAME=COMMAND"))
    #expect(problem("p=cp {input}").contains("{output}"))
    #expect(problem("p=cp {input} {outputs}").contains("{inputs} and {outputs}"))
    #expect(problem("p='cp {input} {output}").contains("no end"))
    #expect(problem("p=no-such-program {input} {output}").contains("no program no-such-program"))
    #expect(
      problem("p=sh -c 'echo first >&2; echo out of memory >&2; exit 3' {input} {output}")
        .hasSuffix("out of memory"))
    #expect(problem("p=true {input} {output}").contains("peer p: wrote no"))
    try scratch.write(waves(8, 8), "small.png")
    #expect(
      problem("p=sh -c 'cp \(scratch("small.png")) \"$1\"' {input} {output}")
        .contains("8x8 pixels, expected 20x12"))
    #expect(problem("p=cp /dev/null {input} {output}") != "")
    #expect(!FileManager.default.fileExists(atPath: "x"))
  }
}
