import Foundation
import Imaging
import Synchronization
import TestSupport
import Testing
import Torch
import Upscaling

@testable import Serving

@Suite struct ServiceTests {
  private let folder: ScratchFolder
  private let picture: Image
  private let photo: Data

  init() throws {
    folder = try ScratchFolder()
    (picture, photo) = try writePhoto(in: folder)
  }

  /// A failure in libtorch ends one job, not the service.
  @Test func aDeviceThatFailsEndsOneJob() async throws {
    try await TestService.with(folder) { service in
      let model = try await service.models.model()
      try await model.upscaler.resolver.worker.run { failOperator(after: 40) }
      var outcomes: [String] = []
      for _ in 0..<2 {
        let accepted = try await service.upload(photo)
        let last = try await service.events(#require(try accepted.json["id"] as? String)).last
        outcomes.append(last?["state"] as? String ?? "")
        if outcomes == ["failed"] {
          #expect("\(last!)".contains("the device failed"), "\(last!)")
        }
      }
      #expect(outcomes == ["failed", "succeeded"])
    }
  }

  @Test func aPictureIsRestoredAsByTheLibrary() async throws {
    try await TestService.with(folder) { service in
      let accepted = try await service.upload(photo, ["seed": "3", "format": "png"])
      #expect(accepted.status == 202)
      let id = try #require(try accepted.json["id"] as? String)
      #expect(accepted.header("Location") == "/v1/restorations/\(id)")
      let state = try accepted.json["state"] as? String
      #expect(state == "queued")

      let events = try await service.events(id)
      #expect(events.last?["state"] as? String == "succeeded")
      let revisions = events.compactMap { $0["revision"] as? Int }
      #expect(revisions == Array(Set(revisions)).sorted())

      let result = try await service.send("GET", "/v1/restorations/\(id)/result?download=1")
      #expect(result.status == 200 && result.header("Content-Type") == "image/png")
      #expect(
        result.header("Content-Disposition")
          == "attachment; filename=\"photo_x4.png\"; filename*=UTF-8''photo%5Fx4%2Epng")
      var options = PhotoUpscaler.Options()
      options.resolver.seed = 3
      options.resolver.batch = 4
      let model = try await service.models.model()
      try model.upscaler(folder("photo.png"), to: folder("expected.png"), options)
      let expected = try Data(contentsOf: URL(fileURLWithPath: folder("expected.png")))
      #expect(result.body == expected)

      let input = try await service.send("GET", "/v1/restorations/\(id)/input")
      #expect(input.body == photo && input.header("Content-Type") == "image/png")
      let preview = try await service.send("GET", "/v1/restorations/\(id)/preview")
      try preview.body.write(to: URL(fileURLWithPath: folder("preview.jpg")))
      let seen = try ImageFile.read(folder("preview.jpg"))
      #expect(preview.status == 200 && seen.width > seen.height)
      let head = try await service.send("HEAD", "/v1/restorations/\(id)/result")
      #expect(head.status == 200 && head.body.isEmpty)
      #expect(try await service.send("DELETE", "/v1/restorations/\(id)").status == 204)
      #expect(try await service.send("GET", "/v1/restorations/\(id)/result").status == 404)
    }
  }

  @Test func jsonIsTakenToo() async throws {
    try await TestService.with(folder, restores: false) { service in
      func post(_ text: String) async throws -> TestService.Answer {
        try await service.send(
          "POST", "/v1/restorations", body: Data(text.utf8), ["Content-Type": "application/json"])
      }
      let base64 = photo.base64EncodedString()
      let good = try await post(
        #"{"image": "\#(base64)", "name": "a/b.jpg", "settings": {"scale": 2, "format": null}}"#)
      #expect(good.status == 202)
      let job = try good.json
      #expect(job["name"] as? String == "b.jpg")
      let output = job["output"] as? [String: Any]
      #expect(output?["name"] as? String == "b_x2.png" && output?["width"] as? Int == 80)
      let contents = output?["contents"] as? [String: Any]
      #expect(contents?["samples"] as? String == "RGB, 8 bit" && contents?["width"] as? Int == 80)
      for (text, status, code) in [
        ("", 400, "malformed"), ("[1]", 400, "malformed"), ("{}", 422, "invalid_setting"),
        (#"{"image": 3}"#, 422, "invalid_setting"), (#"{"image": "!"}"#, 422, "not_base64"),
        (#"{"image": ""}"#, 422, "not_base64"), (#"{"image": "AAAA"}"#, 422, "not_a_picture"),
        (#"{"image": "\#(base64)", "settings": {"scale": 9}}"#, 422, "invalid_setting"),
        (#"{"image": "\#(base64)", "path": "/etc"}"#, 422, "invalid_setting"),
      ] {
        let answer = try await post(text)
        #expect(answer.status == status && answer.code == code, "\(text.prefix(60))")
        #expect(answer.header("Content-Type") == "application/problem+json")
      }
    }
  }

  @Test func whatCannotBeTakenIsToldWhy() async throws {
    var limits = ServiceLimits()
    (limits.bodyBytes, limits.queue, limits.pixels) = (100_000, 1, 2000)
    try await TestService.with(folder, restores: false, limits) { service in
      let text = try await service.upload(Data("no picture".utf8), name: "photo.jpg")
      #expect(text.status == 422 && text.code == "not_a_picture")
      let detail = try text.json["detail"] as? String
      #expect(detail?.hasPrefix("photo.jpg: not a picture") == true)
      let large = try folder.write(
        "large.ppm", Array("P6\n90 90\n255\n".utf8) + Array(repeating: 9, count: 24300))
      let pixels = try await service.upload(Data(contentsOf: URL(fileURLWithPath: large)))
      #expect(pixels.status == 422 && pixels.code == "not_a_picture", "\(pixels.text)")
      try Image(FloatImage(width: 9, height: 9, channels: 4, repeating: 0.5)).write(
        to: folder("t.png"))
      let transparent = try Data(contentsOf: URL(fileURLWithPath: folder("t.png")))
      let jpeg = try await service.upload(transparent, name: "t.png", ["format": "jpeg"])
      #expect(jpeg.status == 422 && jpeg.code == "not_writable", "\(jpeg.text)")
      let colour = try await service.upload(transparent, ["background": "whitish"])
      #expect(colour.status == 422 && colour.code == "invalid_setting")
      #expect(!pixels.text.contains(FileManager.default.temporaryDirectory.path))
      let body = try await service.upload(Data(repeating: 1, count: 200_000))
      #expect(body.status == 413 && body.code == "body_too_large")
      let type = try await service.send(
        "POST", "/v1/restorations", body: photo, ["Content-Type": "image/png"])
      #expect(type.status == 415)
      for (form, code) in [
        ("--x\r\nContent-Disposition: form-data; name=\"seed\"\r\n\r\n1\r\n--x--", "no_image"),
        ("--x\r\n", "malformed"), ("", "malformed"),
        (
          "--x\r\nContent-Disposition: form-data; name=\"seed\"\r\n\r\n"
            + String(repeating: "1", count: 2000) + "\r\n--x--", "malformed"
        ),
      ] {
        let answer = try await service.send(
          "POST", "/v1/restorations", body: Data(form.utf8),
          ["Content-Type": "multipart/form-data; boundary=x"])
        #expect(answer.status == 400 && answer.code == code)
      }
      #expect(try await service.upload(photo).status == 202)
      let full = try await service.upload(photo)
      #expect(full.status == 503 && full.code == "queue_full" && full.header("Retry-After") == "10")

      for (method, path, status) in [
        ("GET", "/v1/restorations/x", 404), ("GET", "/v1/restorations/\(UUID())", 404),
        ("DELETE", "/v1/restorations/\(UUID())", 404), ("GET", "/v1/nothing", 404),
        ("GET", "/../../etc/passwd", 404), ("PUT", "/v1/restorations", 405),
        ("GET", "/v1/restorations?limit=0", 422),
      ] {
        let answer = try await service.send(method, path)
        #expect(answer.status == status, "\(method) \(path)")
        #expect(answer.header("Content-Type") == "application/problem+json")
      }
    }
  }

  @Test func waitingJobsAreCancelled() async throws {
    try await TestService.with(folder, restores: false) { service in
      let id = try #require(try await service.upload(photo).json["id"] as? String)
      let path = "/v1/restorations/\(id)"
      let cancelled = try await service.send("POST", path + "/cancel")
      #expect(cancelled.status == 200)
      let state = try cancelled.json["state"] as? String
      #expect(state == "cancelled")
      #expect(try await service.events(id).count == 1)
      let result = try await service.send("GET", path + "/result")
      #expect(result.status == 409 && result.code == "no_result")
      #expect(try await service.send("GET", path + "/preview").code == "no_preview")
      #expect(try await service.send("DELETE", "/v1/restorations").status == 204)
      #expect(try await service.send("GET", path).status == 404)
    }
  }

  /// Jobs survive a restart: the next service finishes what was accepted.
  @Test func theNextServiceGoesOn() async throws {
    let ids = Ids()
    try await TestService.with(folder, restores: false) { service in
      for _ in 0..<3 { ids.add(try await service.upload(photo).json["id"] as? String) }
    }
    try await TestService.with(folder) { service in
      for id in ids.all {
        let events = try await service.events(id)
        #expect(events.last?["state"] as? String == "succeeded")
      }
    }
    #expect(ids.all.count == 3)
  }

  @Test func theDescriptionNamesWhatThereIs() async throws {
    try await TestService.with(folder, restores: false) { service in
      let document = try await service.send("GET", "/openapi.json").json
      let paths = try #require(document["paths"] as? [String: [String: Any]])
      #expect(paths.count > 10)
      for (path, operations) in paths {
        // Requests with another method are told the allowed ones.
        let answer = try await service.send("OPTIONS", path.replacing("{id}", with: "x"))
        let methods = answer.header("Allow")?.lowercased().split(separator: ", ") ?? []
        #expect(
          Set(methods.map(String.init)).subtracting(["head"])
            == Set(operations.keys).subtracting(["parameters"]), "\(path)")
      }
    }
  }

  @Test func metricsArePrometheus() async throws {
    try await TestService.with(folder, restores: false) { service in
      _ = try await service.upload(photo)
      let text = try await service.send("GET", "/metrics").text
      #expect(text.contains("nsarm_jobs{state=\"queued\"} 1"))
      #expect(text.contains("nsarm_uploads_total"))
      for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        let isMetric = line.wholeMatch(of: #/[a-z_]+(\{.*\})? -?[0-9.e+-]+/#) != nil
        #expect(isMetric, "\(line)")
      }
    }
  }

  private final class Ids: Sendable {
    private let ids = Mutex<[String]>([])
    func add(_ id: String?) { ids.withLock { if let id { $0.append(id) } } }
    var all: [String] { ids.withLock { $0 } }
  }
}
