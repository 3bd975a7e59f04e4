import Foundation
import TestSupport
import Testing
import Upscaling

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
      ("format", .init(field: "webp")), ("quality", .init(field: "80")),
      ("longSide", .init(field: "2048")), ("prompt", .init(field: " a bridge, of stone ")),
      ("scales", .init(field: "3")), ("page", .init(field: "2")),
      ("crop", .init(field: "10, 20,300,200")))
    let json = try JSONDecoder().decode(
      [String: SettingValue].self,
      from: Data(
        """
        {"model": "base", "strength": 0.35, "scale": 2.5, "temperature": 0, "seed": 9007199254740991, "color": "wavelet",
         "format": "webp", "quality": 80, "longSide": 2048, "prompt": "a bridge, of stone", "scales": 3, "page": 2,
         "crop": {"x": 10, "y": 20, "width": 300, "height": 200}}
        """.utf8))
    var other = RestorationSettings()
    for (name, value) in json { try other.set(name, value) }
    #expect(form == other && form.seed == 9_007_199_254_740_991 && form.scale == 2.5)
    #expect(form.model == "base" && form.strength == 0.35 && form.prompt == "a bridge, of stone")
    #expect(form.crop?.rect.right == 310 && form.size == .longSide(2048))
    let copy = try JSONDecoder().decode(
      RestorationSettings.self, from: JSONEncoder().encode(form))
    #expect(copy == form)
  }

  @Test func nothingIsTheDefault() throws {
    let all = try settings(
      ("scale", .none), ("temperature", .init(field: "")), ("seed", .none), ("color", .none),
      ("format", .none), ("quality", .none), ("model", .init(field: "")), ("strength", .none),
      ("width", .none), ("megapixels", .init(field: "")), ("prompt", .init(field: " ")),
      ("scales", .none), ("page", .init(field: "null")), ("crop", .init(field: "")))
    #expect(all == RestorationSettings())
    let text = String(decoding: try JSONEncoder().encode(all), as: UTF8.self)
    for name in [
      "temperature", "format", "model", "strength", "width", "height", "longSide", "megapixels",
      "prompt", "scales", "page", "crop",
    ] {
      #expect(text.contains("\"\(name)\":null"))
    }
  }

  /// Fields of forms have no types.
  @Test func aModelMayBeCalledByANumber() throws {
    #expect(try settings(("model", .init(field: "2024"))).model == "2024")
    #expect(try settings(("model", .text("nan"))).model == "nan")
  }

  /// Orders from the time when there was one model.
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
    ("model", .number(3)), ("model", .other), ("width", .number(0)), ("height", .number(1.5)),
    ("megapixels", .number(0)), ("megapixels", .number(-1)), ("scales", .number(-1)),
    ("page", .number(0)), ("crop", .text("1,2,3,4")), ("crop", .init(field: "1,2,3")),
    ("crop", .init(field: "1,2,0,4")), ("crop", .init(field: "-1,2,3,4")),
    ("crop", .init(field: "9999999999999,2,3,4")), ("crop", .other), ("prompt", .number(1)),
    ("prompt", .text(String(repeating: "a", count: 4001))),
  ])
  func nonsenseIsTold(_ name: String, _ value: SettingValue) {
    do {
      _ = try settings((name, value))
      Issue.record("accepted")
    } catch let error as InvalidSetting {
      #expect(error.description.contains(name) && !error.description.contains("\n"))
    } catch { Issue.record(error) }
  }

  /// Wherever the API's description tells the range of an option, it is the one that counts.
  @Test func theDescriptionHasTheRanges() throws {
    let path = Fixture.packageRoot.appendingPathComponent("Sources/CWebApp/app/openapi.json")
    let document = try JSONSerialization.jsonObject(with: Data(contentsOf: path))
    var count = 0
    func check<Value: Equatable>(_ option: NumberOption<Value>, _ schemas: [String: Any]) {
      guard let schema = schemas[option.name] as? [String: Any] else { return }
      count += 1
      #expect(schema["minimum"] as? Value == option.range.lowerBound, "\(option.name)")
      #expect(schema["maximum"] as? Value == option.range.upperBound, "\(option.name)")
      if let value = schema["default"] as? Value { #expect(value == option.standard) }
    }
    func walk(_ value: Any) {
      if let list = value as? [Any] { list.forEach(walk) }
      guard let object = value as? [String: Any] else { return }
      if let schemas = object["properties"] as? [String: Any], schemas["longSide"] != nil {
        typealias Limits = RestorationLimits
        for option in [
          Limits.scale, Limits.megapixels, Limits.strength, Limits.temperature,
        ] { check(option, schemas) }
        for option in [
          Limits.width, Limits.height, Limits.longSide, Limits.quality, Limits.scales,
          Limits.page, RestorationSettings.seeds,
        ] { check(option, schemas) }
        let prompt = schemas["prompt"] as? [String: Any]
        #expect(prompt?["maxLength"] as? Int == Limits.prompt.range.upperBound)
      }
      object.values.forEach(walk)
    }
    walk(document)
    #expect(count >= 22, "\(count) options are described")
  }

  @Test func partsInJSONHaveFourSides() throws {
    for text in [
      #"{"x": 1, "y": 2, "width": 3}"#, #"{"x": 1, "y": 2, "width": 3, "height": 4, "z": 5}"#,
      #"{"x": "1", "y": 2, "width": 3, "height": 4}"#, "[1, 2, 3, 4]",
    ] {
      let value = try JSONDecoder().decode(SettingValue.self, from: Data(text.utf8))
      #expect(throws: InvalidSetting.self, "\(text)") { try settings(("crop", value)) }
    }
  }

  @Test func resultsAreNamedAfterWhatWasAsked() throws {
    func name(_ values: (String, SettingValue)..., pages: Int = 1) throws -> String {
      var settings = RestorationSettings()
      for (name, value) in values { try settings.set(name, value) }
      return Job.outputName("photo.jpg", settings, .webp, pages: pages)
    }
    #expect(try name() == "photo_x4.webp")
    #expect(try name(("width", .number(1920))) == "photo_1920w.webp")
    #expect(try name(("megapixels", .number(2.5))) == "photo_2.5mp.webp")
    #expect(try name(("page", .number(2)), pages: 12) == "photo_x4_p002.webp")
    #expect(try name(("page", .number(1234)), pages: 2000) == "photo_x4_p1234.webp")
    #expect(try name(("page", .number(1))) == "photo_x4.webp")
    #expect(try name(("crop", .init(field: "0,0,9,9"))) == "photo_crop_x4.webp")
  }
}
