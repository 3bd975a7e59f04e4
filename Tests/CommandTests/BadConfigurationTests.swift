import Foundation
import Imaging
import TestSupport
import Testing

/// Models whose config.json makes no sense: one line that names file and key, for every command
/// that reads it.
@Suite(.serialized, .ownThreads) struct BadConfigurationTests {
  @Test func upscaleAndInfoNameTheKey() throws {
    let scratch = try ScratchFolder()
    try scene(8, 8).write(to: scratch("a.png"))
    let model = scratch("model")
    try FileManager.default.copyItem(atPath: Command.model, toPath: model)
    let whole = try String(contentsOfFile: model + "/config.json", encoding: .utf8)
    func number(_ key: String, _ value: String) -> String {
      let range = whole.range(of: "\"\(key)\" : [0-9]+", options: .regularExpression)!
      return whole.replacingCharacters(in: range, with: "\"\(key)\" : \(value)")
    }
    let cases = [
      (number("heads", "0"), "'transformer.heads' is 0; 1 to 256 are allowed"),
      (number("scale", "0"), "'scale' is 0; 1 to 16 are allowed"),
      (number("stemPatch", "0"), "'tokenizer.stemPatch' is 0"),
      (number("depth", "-1"), "'transformer.depth' is -1"),
      (number("depth", "1000000000"), "'transformer.depth' is 1000000000"),
      (number("latentChannels", "8589934592"), "'tokenizer.latentChannels' is 8589934592"),
      (number("convolutions", "-1"), "'tokenizer.trunk.convolutions' is -1"),
      (number("depth", "1e300"), "'transformer.depth' is a number out of range"),
      (number("temperature", "-1"), "'sampling.temperature' is -1"),
      (
        whole.replacingOccurrences(of: "\"heads\"", with: "\"headz\""),
        "'transformer.heads' is missing"
      ),
      (
        whole.replacingOccurrences(of: "\"depth\"", with: "\"hedas\" : 1, \"depth\""),
        "unknown key 'transformer.hedas'; did you mean 'heads'?"
      ),
    ]
    for (text, message) in cases {
      try Data(text.utf8).write(to: URL(fileURLWithPath: model + "/config.json"))
      for arguments in [["info", model], ["upscale", scratch("a.png"), "--model", model]] {
        let result = try Command.run(arguments)
        #expect(
          result.status == 1 && result.errorLines.count == 1, "\(arguments): \(result.errors)")
        #expect(result.errors.contains("config.json: \(message)"), "\(arguments): \(result.errors)")
        #expect(result.output == "")
      }
    }
    #expect(scratch.entries == ["a.png", "model"])
  }
}
