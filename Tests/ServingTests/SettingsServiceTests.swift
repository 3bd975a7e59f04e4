import Foundation
import Imaging
import ModelTestSupport
import NSARM
import SuperResolution
import Synchronization
import TestSupport
import Testing
import Torch
import Upscaling

@testable import Serving

/// The effects of settings on pictures.
@Suite struct SettingsServiceTests {
  private let folder: ScratchFolder
  private let picture: Image
  private let photo: Data

  init() throws {
    folder = try ScratchFolder()
    (picture, photo) = try writePhoto(in: folder)
  }

  private func result(
    _ service: TestService, _ photo: Data, name: String = "photo.png", _ fields: [String: String]
  ) async throws -> (job: [String: Any], image: Image) {
    let accepted = try await service.upload(photo, name: name, fields)
    #expect(accepted.status == 202, "\(accepted.text)")
    let id = try #require(try accepted.json["id"] as? String)
    let last = try #require(try await service.events(id).last)
    #expect(last["state"] as? String == "succeeded", "\(last)")
    let answer = try await service.send("GET", "/v1/restorations/\(id)/result")
    try answer.body.write(to: URL(fileURLWithPath: folder("result")))
    return (last, try ImageFile.read(folder("result")))
  }

  @Test func sizesAreThoseAskedFor() async throws {
    try await TestService.with(folder) { service in
      for (fields, width, height) in [
        (["width": "100"], 100, 60), (["height": "72"], 120, 72), (["longSide": "77"], 77, 46),
        (["megapixels": "0.0096"], 126, 76), (["scale": "1.5"], 60, 36),
      ] {
        let (job, image) = try await result(service, photo, fields)
        #expect(image.width == width && image.height == height, "\(fields)")
        let output = job["output"] as? [String: Any]
        #expect(output?["width"] as? Int == width && output?["height"] as? Int == height)
        let settings = job["settings"] as? [String: Any]
        #expect(fields.allSatisfy { settings?[$0.key] as? Double == Double($0.value) })
      }
      for (fields, word) in [
        (["width": "39"], "width"), (["width": "321"], "40 to 320"), (["longSide": "9999"], "side"),
        (["megapixels": "5"], "megapixels"),
        (["width": "80", "height": "48"], "cannot be combined"),
        (["width": "80", "scale": "2"], "cannot be combined"), (["page": "2"], "page"),
        (["crop": "0,0,41,24"], "40x24"), (["crop": "39,23,2,1"], "crop"),
        (["scales": "99"], "scales"),
        (["prompt": "a bridge"], "prompt"),
      ] {
        let answer = try await service.upload(photo, fields)
        #expect(answer.status == 422 && answer.code == "invalid_setting", "\(fields)")
        #expect(answer.text.contains(word) && !answer.text.contains("/tmp"), "\(answer.text)")
      }
      // The default scale is allowed beside a size.
      #expect(try await service.upload(photo, ["width": "80", "scale": "4"]).status == 202)
    }
  }

  @Test func aCropIsATrialOfAPart() async throws {
    try await TestService.with(folder) { service in
      let (job, image) = try await result(service, photo, ["crop": "8,4,20,16", "scale": "2"])
      #expect(image.width == 40 && image.height == 32)
      let (input, output) = (job["input"] as? [String: Any], job["output"] as? [String: Any])
      #expect(input?["width"] as? Int == 40 && input?["height"] as? Int == 24)
      #expect(output?["width"] as? Int == 40 && output?["height"] as? Int == 32)
      #expect(output?["name"] as? String == "photo_crop_x2.png")
      let crop = (job["settings"] as? [String: Any])?["crop"] as? [String: Int]
      #expect(crop == ["x": 8, "y": 4, "width": 20, "height": 16])
      // Equal to a picture that is nothing but the part.
      let part = picture.planes().cropped(to: PixelRect(x: 8, y: 4, width: 20, height: 16))
      try Image(part).write(to: folder("part.png"))
      let alone = try await result(
        service, Data(contentsOf: URL(fileURLWithPath: folder("part.png"))), ["scale": "2"])
      #expect(alone.image.samples == image.samples)
    }
  }

  @Test func pagesAreChosen() async throws {
    let path = Fixture.packageRoot.appendingPathComponent(
      "Tests/FormatTests/Fixtures/animated.webp"
    ).path
    let file = try Data(contentsOf: URL(fileURLWithPath: path))
    var reading = ReadOptions()
    reading.page = 1
    let count = try ImageFile.open(path).pageCount
    try #require(count > 1)
    try ImageFile.read(path, options: reading).write(to: folder("second.png"))
    let second = try Data(contentsOf: URL(fileURLWithPath: folder("second.png")))
    try await TestService.with(folder) { service in
      let (job, image) = try await result(
        service, file, name: "a.webp", ["page": "2", "format": "png"])
      #expect((job["output"] as? [String: Any])?["name"] as? String == "a_x4_p002.png")
      let alone = try await result(service, second, ["format": "png"])
      #expect(image.samples == alone.image.samples)
      let beyond = try await service.upload(file, name: "a.webp", ["page": "\(count + 1)"])
      #expect(beyond.status == 422 && beyond.text.contains("has \(count)"), "\(beyond.text)")
    }
  }

  @Test func fewerScalesAreRun() async throws {
    try await TestService.with(folder) { service in
      let few = try await result(service, photo, ["scales": "2"])
      let all = try await result(service, photo, [:])
      #expect(few.image.samples != all.image.samples)
      var options = PhotoUpscaler.Options()
      options.resolver.acceleration.scales = 2
      options.resolver.batch = 4
      let model = try await service.models.model()
      try model.upscaler(folder("photo.png"), to: folder("few.png"), options)
      #expect(try ImageFile.read(folder("few.png")).samples == few.image.samples)
    }
  }

  /// With a model that takes a description of the picture, and its text encoder.
  @Test func promptsReachTheModel() async throws {
    let path = folder("Models/told")
    try ModelFolder.write(
      TinyModel.make(TinyModel.textConfiguration), to: path, provenance: [:])
    try TinyTextEncoder.write(to: path + "/text-encoder")
    let plain = try TinyModel.shelf(["tiny"], in: folder)
    let told = ModelShelf.Entry(try ModelFolder(path))
    var options = ModelShelf.Options()
    options.loader = ModelLoader(.float32, memory: .unlimited)
    options.loader.batch = 4
    let prompts = Prompts()
    options.encode = { folder, prompt in
      prompts.add(prompt)
      let random = RandomGenerator(seed: UInt64(prompt.count))
      return TextFeatures(Tensor.randn([1, 5, TinyTextEncoder.channels], using: random))
    }
    let shelf = ModelShelf(plain.entries + [told], standard: plain.standard, options)
    try await TestService.with(folder, models: shelf) { service in
      let description = try await service.send("GET", "/v1/service").json
      let models = description["models"] as? [[String: Any]]
      #expect(models?.map { $0["hasPrompt"] as? Bool } == [false, true])
      let bridge = try await result(service, photo, ["model": "told", "prompt": "a bridge"])
      let flower = try await result(service, photo, ["model": "told", "prompt": "flower"])
      let nothing = try await result(service, photo, ["model": "told"])
      #expect(bridge.image.samples != flower.image.samples)
      #expect(bridge.image.samples != nothing.image.samples)
      let again = try await result(service, photo, ["model": "told", "prompt": "flower"])
      #expect(again.image.samples == flower.image.samples)
      #expect((again.job["settings"] as? [String: Any])?["prompt"] as? String == "flower")
      #expect(prompts.all == ["a bridge", "flower"])
    }
  }

  private final class Prompts: Sendable {
    private let prompts = Mutex<[String]>([])
    func add(_ prompt: String) { prompts.withLock { $0.append(prompt) } }
    var all: [String] { prompts.withLock { $0 } }
  }
}
