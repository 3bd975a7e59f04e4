import Foundation
import Testing

@testable import Serving

@Suite struct RestorationSettingsTests {
  private func settings(_ values: (String, SettingValue)...) throws -> RestorationSettings {
    var settings = RestorationSettings()
    for (name, value) in values { try settings.set(name, value) }
    return settings
  }

  @Test func formsAndJSONSayTheSame() throws {
    let form = try settings(
      ("model", .init(field: "base")), ("strength", .init(field: "0.35")),
      ("scale", .init(field: "2.5")), ("temperature", .init(field: "0")),
      ("seed", .init(field: "9007199254740991")), ("color", .init(field: "wavelet")),
      ("format", .init(field: "webp")), ("quality", .init(field: "80")))
    let json = try JSONDecoder().decode(
      [String: SettingValue].self,
      from: Data(
        """
        {"model": "base", "strength": 0.35, "scale": 2.5, "temperature": 0, "seed": 9007199254740991, "color": "wavelet",
         "format": "webp", "quality": 80}
        """.utf8))
    var other = RestorationSettings()
    for (name, value) in json { try other.set(name, value) }
    #expect(form == other && form.seed == 9_007_199_254_740_991 && form.scale == 2.5)
    #expect(form.model == "base" && form.strength == 0.35)
    let copy = try JSONDecoder().decode(
      RestorationSettings.self, from: JSONEncoder().encode(form))
    #expect(copy == form)
  }

  @Test func nothingIsTheDefault() throws {
    let all = try settings(
      ("scale", .none), ("temperature", .init(field: "")), ("seed", .none), ("color", .none),
      ("format", .none), ("quality", .none), ("model", .init(field: "")), ("strength", .none))
    #expect(all == RestorationSettings())
    let text = String(decoding: try JSONEncoder().encode(all), as: UTF8.self)
    for name in ["temperature", "format", "model", "strength"] {
      #expect(text.contains("\"\(name)\":null"))
    }
  }

  /// Fields of forms have no types.
  @Test func aModelMayBeCalledByANumber() throws {
    #expect(try settings(("model", .init(field: "2024"))).model == "2024")
    #expect(try settings(("model", .text("nan"))).model == "nan")
  }

  /// Of a time when there was one model.
  @Test func olderSettingsAreRead() throws {
    let text = """
      {"scale":2,"temperature":null,"seed":5,"color":null,"format":"png","quality":90}
      """
    let settings = try JSONDecoder().decode(RestorationSettings.self, from: Data(text.utf8))
    #expect(settings.model == nil && settings.strength == nil && settings.seed == 5)
  }

  @Test(arguments: [
    ("scale", SettingValue.number(0.9)), ("scale", .number(.nan)), ("scale", .number(.infinity)),
    ("scale", .text("big")), ("temperature", .number(-1)), ("seed", .number(1.5)),
    ("seed", .number(1e300)), ("seed", .number(-1)), ("color", .text("red")), ("color", .number(1)),
    ("format", .text("exe")), ("quality", .number(101)), ("quality", .other),
    ("path", .text("/etc/passwd")), ("strength", .number(1.05)), ("strength", .text("much")),
    ("strength", .number(-0.1)),
    ("strength", .init(field: "nan")), ("scale", .text("2")), ("seed", .init(field: "1.5")),
    ("model", .number(3)), ("model", .other),
  ])
  func nonsenseIsTold(_ name: String, _ value: SettingValue) {
    do {
      _ = try settings((name, value))
      Issue.record("accepted")
    } catch let error as InvalidSetting {
      #expect(error.description.contains(name) && !error.description.contains("\n"))
    } catch { Issue.record(error) }
  }
}
