import Foundation
import Settings
import Testing
import YAMLSettings

@Suite struct SettingsTests {
  private enum Mode: String, CaseIterable, Codable { case area, bilinear, cubic }

  private struct Inner: Codable, SettingsSection {
    var depth = 2
    var mode = Mode.area
  }

  private struct Own: Codable, SettingsWithOwnKeys {
    static let keys = ["blur_sigma"]
    var sigma = 1.0
    enum CodingKeys: String, CodingKey { case sigma = "blur_sigma" }
  }

  private struct Outer: Codable {
    var widthOfAll = 8
    var mode: Mode?
    var inner: Inner?
    var own = Own()
    var rates: [String: Double] = [:]
  }

  private struct Failure: Error, CustomStringConvertible { let description: String }

  private func yaml(_ text: String) throws -> Outer {
    let decoding = SettingsDecoding { Failure(description: $0) }
    return try decoding.decode(
      .mapping(decoding.mapping(of: text, example: "")), path: "", defaults: Outer())
  }

  private func json(_ text: String) throws -> Outer {
    try SettingsJSON.decode(Data(text.utf8), example: Outer())
  }

  private func message(_ body: () throws -> some Any) -> String {
    do {
      _ = try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test func ranges() {
    let check = SettingsCheck() / "transformer"
    #expect(message { try check("heads", 3, 1...256) } == "")
    #expect(
      message { try check("heads", 0, 1...256) }
        == "'transformer.heads' is 0; 1 to 256 are allowed")
    #expect(
      message { try check("p", Double.nan, 0...1) } == "'transformer.p' is nan; 0 to 1 are allowed")
    #expect(message { try check("p", Double.infinity, 0...1) }.contains("is inf;"))
    #expect(
      message { try check("sides", [1, 99], 1...9, count: 1...4) }.contains(
        "'transformer.sides.1' is 99"))
    #expect(
      message { try check("sides", [Int](), 1...9, count: 1...4) }.contains(
        "has 0 elements; 1 to 4"))
    let left = SettingsCheck("model") { $0 == "kind" ? "" : $0.lowercased() }
    #expect((left / "kind").key("Patch") == "model.patch")
  }

  @Test func sectionsThatAreAbsentByDefaultHaveDefaultsAndKeys() throws {
    let outer = try yaml(
      "{width_of_all: 3, inner: {mode: cubic}, own: {blur_sigma: 2}, rates: {a: 1}}")
    #expect(outer.widthOfAll == 3 && outer.inner?.depth == 2 && outer.inner?.mode == .cubic)
    #expect(outer.own.sigma == 2 && outer.rates == ["a": 1])
    #expect(try yaml("{mode: area}").mode == .area && yaml("{mode: null}").mode == nil)
    for (text, expected) in [
      ("{inner: {detph: 3}}", "unknown key 'inner.detph'; did you mean 'depth'?"),
      ("{own: {sigma: 3}}", "unknown key 'own.sigma'; the keys here are: blur_sigma"),
      ("{inner: {mode: are}}", "'inner.mode' is 'are'; area, bilinear or cubic are allowed"),
      ("{mode: linear}", "'mode' is 'linear'; area, bilinear or cubic are allowed"),
      ("{inner: {depth: x}}", "'inner.depth' is not a whole number"),
      ("{inner: 3}", "'inner' has to be a section with keys below it"),
    ] {
      #expect(message { try yaml(text) } == expected)
    }
  }

  @Test func jsonSaysEverything() throws {
    let whole = #"{"widthOfAll": 1, "own": {"blur_sigma": 1}, "rates": {"any": 2}"#
    #expect(try json(whole + "}").rates == ["any": 2])
    #expect(try json(whole + #", "inner": null}"#).inner == nil)
    for (text, expected) in [
      (whole + #", "innner": {}}"#, "unknown key 'innner'; did you mean 'inner'?"),
      (
        whole + #", "inner": {"depth": 1, "mode": "area", "extra": 1}}"#,
        "unknown key 'inner.extra'; the keys here are: depth, mode"
      ),
      (whole + #", "inner": {"depth": 1}}"#, "'inner.mode' is missing"),
      (
        whole + #", "inner": {"depth": 1, "mode": "x"}}"#,
        "'inner.mode' is 'x'; area, bilinear or cubic are allowed"
      ),
      (
        whole + #", "inner": {"depth": "1", "mode": "area"}}"#,
        "'inner.depth' is not a whole number"
      ),
    ] {
      #expect(message { try json(text) } == expected)
    }
    let control = whole.replacingOccurrences(of: "any", with: "a\u{1}y") + "}"
    for text in ["", "[]", "3", "{", whole, control, "\u{0}"] {
      let text = message { try json(text) }
      #expect(!text.isEmpty && !text.contains("\n"))
    }
  }

  @Test func endlessAndDeepYAMLIsRefused() {
    var references = "a0: &a0 [1]\n"
    for i in 1...40 { references += "a\(i): &a\(i) [*a\(i - 1), *a\(i - 1)]\n" }
    #expect(message { try yaml(references) }.contains("more values"))
    let deep = "a: " + String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
    #expect(message { try yaml(deep) }.contains("deeply nested"))
    #expect(message { try yaml("a: " + String(repeating: "[", count: 100_000)) }.contains("YAML"))
    #expect(message { try yaml("#" + String(repeating: " ", count: 2 << 20)) }.contains("bytes"))
  }

  @Test func filesThatAreNoSettings() throws {
    #expect(try SettingsFile.contents("/no such file") == nil)
    #expect(message { try SettingsFile.contents("/dev/zero") } == "is not a regular file")
    #expect(message { try SettingsFile.contents("/tmp") } == "is not a regular file")
  }

  @Test(arguments: [
    ("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("", "", 0), ("flaw", "lawn", 2),
    ("Grüße", "Grüsse", 2), ("same", "same", 0),
  ])
  func editDistances(a: String, b: String, expected: Int) {
    #expect(editDistance(a, b) == expected && editDistance(b, a) == expected)
  }
}
