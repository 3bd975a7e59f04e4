import Foundation
import Imaging
import TestSupport
import Testing

@testable import Serving

/// Pictures over HTTP: entity tags, ranges, and displayable versions.
@Suite struct PictureTests {
  private let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  /// A picture larger than a chunk of the store.
  private func photo(_ name: String = "photo.png", width: Int = 900, height: Int = 700) throws
    -> Data
  {
    var state: UInt32 = 7
    let samples = (0..<width * height * 3).map { _ -> UInt8 in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(state >> 24)
    }
    try folder.write(
      Image(width: width, height: height, channels: 3, samples: .u8(samples)), name)
    return try Data(contentsOf: URL(fileURLWithPath: folder(name)))
  }

  @Test func whatTheClientHasIsNotSentAgain() async throws {
    let photo = try photo()
    try await TestService.with(folder, restores: false) { service in
      let id = try #require(try await service.upload(photo).json["id"] as? String)
      let path = "/v1/restorations/\(id)/input"
      let first = try await service.send("GET", path)
      let tag = try #require(first.header("ETag"))
      #expect(first.body == photo && first.header("Accept-Ranges") == "bytes")
      for known in [tag, "\"other\", W/\(tag)", "*"] {
        let again = try await service.send("GET", path, ["If-None-Match": known])
        #expect(again.status == 304 && again.body.isEmpty && again.header("ETag") == tag)
        #expect(again.header("Cache-Control") == first.header("Cache-Control"))
      }
      let other = try await service.send("GET", path, ["If-None-Match": "\"other\""])
      #expect(other.status == 200 && other.body == photo)
      #expect(
        try await service.send("GET", path, ["If-Match": "\"other\""]).code
          == "precondition_failed")
      #expect(try await service.send("GET", path, ["If-Match": tag]).status == 200)
      let second = try #require(try await service.upload(photo).json["id"] as? String)
      let another = try await service.send("GET", "/v1/restorations/\(second)/input")
      #expect(another.header("ETag") != tag)
      let head = try await service.send("HEAD", path, ["Range": "bytes=0-9"])
      #expect(head.status == 200 && head.header("Content-Length") == "\(photo.count)")
    }
  }

  @Test func partsAreSent() async throws {
    let photo = try photo()
    let count = photo.count
    #expect(count > 1 << 20)
    try await TestService.with(folder, restores: false) { service in
      let id = try #require(try await service.upload(photo).json["id"] as? String)
      let path = "/v1/restorations/\(id)/input"
      let tag = try #require(try await service.send("HEAD", path).header("ETag"))
      for (text, range) in [
        ("bytes=0-0", 0..<1), ("bytes=10-", 10..<count), ("bytes=-5", count - 5..<count),
        ("bytes=1048570-1048585", 1_048_570..<1_048_586), ("Bytes=3-99999999999", 3..<count),
        ("bytes=-99999999999999999999", 0..<count),
        ("bytes=\(count - 1)-\(count)", count - 1..<count),
      ] {
        let answer = try await service.send("GET", path, ["Range": text])
        #expect(answer.status == 206 && answer.body == photo[range], "\(text)")
        #expect(
          answer.header("Content-Range")
            == "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(count)")
        #expect(answer.header("Content-Length") == "\(range.count)")
      }
      for text in ["bytes=\(count)-", "bytes=-0", "bytes=99999999999999999999-"] {
        let answer = try await service.send("GET", path, ["Range": text])
        #expect(answer.status == 416 && answer.code == "range_not_satisfiable", "\(text)")
        #expect(answer.header("Content-Range") == "bytes */\(count)")
      }
      // Several ranges, and malformed ones, are answered with the whole picture.
      for text in ["bytes=0-1,4-5", "bytes=5-4", "bytes=a-b", "lines=1-2", "bytes", "bytes=-", ""] {
        let answer = try await service.send("GET", path, ["Range": text])
        #expect(answer.status == 200 && answer.body.count == count, "\(text)")
      }
      let same = try await service.send("GET", path, ["Range": "bytes=0-1", "If-Range": tag])
      #expect(same.status == 206)
      for condition in ["\"other\"", "W/\(tag)", "Wed, 21 Oct 2015 07:28:00 GMT"] {
        let answer = try await service.send(
          "GET", path, ["Range": "bytes=0-1", "If-Range": condition])
        #expect(answer.status == 200 && answer.body.count == count, "\(condition)")
      }
    }
  }

  @Test func browsersGetWhatTheyCanShow() async throws {
    let photo = try photo("photo.tif", width: 60, height: 40)
    try await TestService.with(folder) { service in
      let accepted = try await service.upload(
        photo, name: "photo.jpg", ["format": "tiff", "scale": "2"])
      let id = try #require(try accepted.json["id"] as? String)
      let input = try accepted.json["input"] as? [String: Any]
      #expect(input?["mediaType"] as? String == "image/tiff")
      let path = "/v1/restorations/\(id)"
      _ = try await service.events(id)
      for (picture, width) in [("input", 60), ("result", 120)] {
        let answer = try await service.send("GET", "\(path)/\(picture)?as=display")
        #expect(answer.status == 200 && answer.header("Content-Type") == "image/webp")
        try answer.body.write(to: URL(fileURLWithPath: folder("shown.webp")))
        #expect(try ImageFile.read(folder("shown.webp")).width == width)
        // No script in it runs in the app's origin.
        #expect(answer.header("X-Content-Type-Options") == "nosniff")
        #expect(answer.header("Content-Security-Policy")?.contains("default-src 'self'") == true)
        let tag = try #require(answer.header("ETag"))
        let plain = try await service.send("HEAD", "\(path)/\(picture)")
        #expect(plain.header("ETag") != tag)
        let known = try await service.send(
          "GET", "\(path)/\(picture)?as=display", ["If-None-Match": tag])
        #expect(known.status == 304)
        let part = try await service.send(
          "GET", "\(path)/\(picture)?as=display", ["Range": "bytes=2-9"])
        #expect(part.status == 206 && part.body == answer.body[2..<10])
      }
      #expect(try await service.send("GET", "\(path)/input?as=png").status == 422)
    }
  }

  /// Made once, for whichever request comes first, and removed with the job.
  @Test(arguments: TestDatabase.all) func displaysAreKept(_ place: TestDatabase) async throws {
    let store = try await place.store(folder)
    let photo = try photo("photo.png", width: 60, height: 40)
    let picture = Job.Picture(
      width: 60, height: 40, bytes: photo.count, mediaType: "image/png", name: "photo.png")
    let order = Job.Order(settings: RestorationSettings(), input: picture, output: picture)
    let job = try await store.add(order, input: .file(folder("photo.png")), limit: 9)
    let maker = DisplayMaker(store: store, limits: ServiceLimits())
    let sizes = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          guard case .kept(let count) = try await maker.display(job, .input) else { return -1 }
          return count
        }
      }
      return try await group.reduce(into: [Int]()) { $0.append($1) }
    }
    #expect(sizes.count == 4 && Set(sizes).count == 1 && sizes[0] > 100)
    #expect(try await store.files.size(job.id, .inputDisplay) == sizes[0])
    let bytes = try await store.database.read { db in
      try db.run("SELECT bytes FROM nsarm_jobs")[0].integer("bytes")
    }
    #expect(bytes == photo.count + sizes[0])
    try await store.remove(job.id)
    #expect(try await store.files.size(job.id, .inputDisplay) == nil)
    // Nothing of a removed job is left behind.
    try await store.files.keep(job.id, .display, from: folder("photo.png"))
    #expect(try await store.files.size(job.id, .display) == nil)
    await #expect(throws: JobError.missing) { try await maker.display(job, .input) }
  }

  @Test func aPictureThatCannotBeDecodedIsTold() async throws {
    let whole = try photo("photo.png", width: 200, height: 200)
    try await TestService.with(folder, restores: false) { service in
      let accepted = try await service.upload(whole.prefix(whole.count / 2))
      guard accepted.status == 202, let id = try accepted.json["id"] as? String else { return }
      let answer = try await service.send("GET", "/v1/restorations/\(id)/input?as=display")
      #expect(answer.status == 422 && answer.code == "not_displayable", "\(answer.text)")
      #expect(answer.text.contains("photo.png") && !answer.text.contains("/tmp"))
    }
  }

  @Test func thumbnailsAreOfTheResult() throws {
    var planes = FloatImage(width: 1600, height: 400, channels: 4, repeating: 0.5)
    planes[3, 0, 0] = 0
    try folder.write(Image(planes), "result.png")
    let webp = try Thumbnail.make(of: folder("result.png"), in: folder.path)
    #expect(MediaType.sniffed(webp) == "image/webp")
    try webp.write(to: URL(fileURLWithPath: folder("small.webp")))
    let small = try ImageFile.read(folder("small.webp"))
    #expect(small.width == 768 && small.height == 192 && small.channels == 4)
    #expect(!folder.entries.contains("thumbnail.webp"))
  }
}
