import Foundation
import Imaging
import ModelTestSupport
import TestSupport
import Testing
import Upscaling

@testable import Serving

/// Pictures with a choice of model and strength.
@Suite struct ModelChoiceTests {
  private let folder: ScratchFolder
  private let models: ModelShelf
  private let photo: Data

  init() throws {
    folder = try ScratchFolder()
    models = try TinyModel.shelf(["one", "two"], twins: ["two"], in: folder)
    let picture = Image(
      width: 24, height: 16, channels: 3,
      samples: .u8((0..<1152).map { (i: Int) -> UInt8 in UInt8(i % 3 * 60 + i / 72 * 4) }))
    try folder.write(picture, "photo.png")
    photo = try Data(contentsOf: URL(fileURLWithPath: folder("photo.png")))
  }

  private func result(_ fields: [String: String], _ service: TestService) async throws -> Data {
    let accepted = try await service.upload(photo, fields)
    let id = try #require(try accepted.json["id"] as? String, "\(accepted.text)")
    let last = try await service.events(id).last
    #expect(last?["state"] as? String == "succeeded", "\(last ?? [:])")
    return try await service.send("GET", "/v1/restorations/\(id)/result").body
  }

  private func expected(_ name: String, strength: Double = 1) async throws -> Data {
    let model = try await models.model(name, strength: strength)
    var options = PhotoUpscaler.Options()
    options.overwrite = true
    let path = folder("expected.png")
    try await model.upscaler.resolver.worker.run { [options] in
      _ = try model.upscaler(folder("photo.png"), to: path, options)
    }
    return try Data(contentsOf: URL(fileURLWithPath: path))
  }

  @Test func everyJobHasItsModelAndStrength() async throws {
    try await TestService.with(folder, models: models) { service in
      let usual = try await result([:], service)
      let two = try await result(["model": "two"], service)
      let half = try await result(["model": "two", "strength": "0.5"], service)
      let twin = try await result(["model": "two", "strength": "0"], service)
      #expect(Set([usual, two, half, twin]).count == 4)
      #expect(try await result(["model": "one", "strength": "1"], service) == usual)
      #expect(try await expected("one") == usual)
      #expect(try await expected("two") == two)
      #expect(try await expected("two", strength: 0.5) == half)

      let list = try await service.send("GET", "/v1/restorations").json["restorations"]
      let settings = (list as? [[String: Any]])?.map { $0["settings"] as? [String: Any] ?? [:] }
      #expect(settings?.map { $0["model"] as? String } == ["one", "two", "two", "two", nil])
      #expect(settings?.map { $0["strength"] as? Double } == [1, 0, 0.5, nil, nil])
      let metrics = try await service.send("GET", "/metrics").text
      #expect(metrics.contains(#"nsarm_restorations_total{model="two",outcome="succeeded"}"#))
      #expect(metrics.contains(#"nsarm_restoration_duration_seconds_count{model="one"}"#))
    }
  }

  @Test func theServiceTellsWhatThereIs() async throws {
    try await TestService.with(folder, restores: false, models: models) { service in
      let answer = try await service.send("GET", "/v1/service")
      #expect(try answer.json["model"] as? String == "one")
      let list = try #require(try answer.json["models"] as? [[String: Any]])
      #expect(list.map { $0["name"] as? String } == ["one", "two"])
      #expect(list.map { $0["hasDial"] as? Bool } == [false, true])
      #expect(list.map { $0["scale"] as? Int } == [4, 4])
      #expect(list.map { $0["temperature"] as? Double } == [1, 1])
      #expect(list[1]["description"] as? String == "Model 1.")
    }
  }

  @Test func whatThereIsNotIsRefused() async throws {
    try await TestService.with(folder, restores: false, models: models) { service in
      for (fields, told) in [
        (["model": "three"], "there is no 'three'; there are one, two"),
        (["model": "../two"], "there is no '../two'; there are one, two"),
        (["model": "one", "strength": "0.5"], "'one' has no dial"),
        (["strength": "0"], "one with a dial is two"),
        (["model": "two", "strength": "2"], "strength: must be a number from 0 to 1"),
      ] {
        let answer = try await service.upload(photo, fields)
        #expect(answer.status == 422 && answer.code == "invalid_setting", "\(fields)")
        let detail = try answer.json["detail"] as? String
        #expect(detail?.contains(told) == true, "\(answer.text)")
      }
      #expect(try await service.upload(photo, ["model": "two", "strength": "0"]).status == 202)
    }
  }

  /// A worker on another machine has other models.
  @Test func aWorkerWithoutTheModelSaysSo() async throws {
    let other = try ScratchFolder()
    let fewer = try TinyModel.shelf(["one"], in: other)
    try await TestService.with(folder, models: models, workerModels: fewer) { service in
      let accepted = try await service.upload(photo, ["model": "two"])
      let last = try await service.events(#require(try accepted.json["id"] as? String)).last
      #expect(last?["state"] as? String == "failed")
      let told = last?["error"] as? String
      #expect(told == "the worker of this picture does not have model 'two', only one")
      _ = try await result([:], service)
    }
  }

  /// A model that is damaged after the start fails only its own jobs, without revealing paths.
  @Test func aModelThatCannotBeLoadedEndsItsJob() async throws {
    try FileManager.default.removeItem(atPath: folder("Models/two/model.safetensors"))
    try await TestService.with(folder, models: models) { service in
      let accepted = try await service.upload(photo, ["model": "two"])
      let last = try await service.events(#require(try accepted.json["id"] as? String)).last
      #expect(last?["state"] as? String == "failed")
      let told = try #require(last?["error"] as? String)
      #expect(told.contains("two") && !told.contains(folder.path), "\(told)")
      _ = try await result([:], service)
    }
  }
}
