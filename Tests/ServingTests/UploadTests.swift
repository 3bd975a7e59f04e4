import Files
import Foundation
import Imaging
import TestSupport
import Testing

@testable import Serving

/// What an upload occupies is bounded, whatever its form.
@Suite struct UploadTests {
  private let folder: ScratchFolder
  private let photo: Data

  init() throws {
    folder = try ScratchFolder()
    try Image(FloatImage(width: 9, height: 7, channels: 3, repeating: 0.5)).write(
      to: folder("p.png"))
    photo = try Data(contentsOf: URL(fileURLWithPath: folder("p.png")))
  }

  private static let formHead =
    "POST /v1/restorations HTTP/1.1\r\nHost: localhost\r\n"
    + "Content-Type: multipart/form-data; boundary=x\r\n"
  private static let imageHead =
    "--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"p.png\"\r\n\r\n"

  /// The rest of an object and its picture, if it arrives in chunks of `size` bytes.
  private func scan(_ text: String, pieces size: Int) throws -> (rest: String, image: [UInt8]) {
    var (scanner, decoder, image) = (JSONImageScanner(), Base64Decoder(), [UInt8]())
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: size) {
      try Array(bytes[start..<min(start + size, bytes.count)]).withUnsafeBytes { piece in
        try scanner.scan(piece) { image += try decoder.decode($0) }
      }
    }
    try decoder.finish()
    return (String(decoding: scanner.rest, as: UTF8.self), image)
  }

  /// With any division of the object into chunks.
  @Test func picturesAreTakenOutOfObjects() throws {
    let bytes = (0..<200).map { UInt8($0) }
    let base64 = Data(bytes).base64EncodedString()
    for (text, rest) in [
      (#"{"image":"\#(base64)"}"#, #"{"image":""}"#),
      (
        #" {"settings": {"image": "a,\"b"}, "name": "x:{\\", "image" : "\#(base64)", "n": [1]} "#,
        #" {"settings": {"image": "a,\"b"}, "name": "x:{\\", "image" : "", "n": [1]} "#
      ),
      (#"{"image":"\#(base64.replacing("/", with: #"\/"#))"}"#, #"{"image":""}"#),
      (#"{"image":"\#(base64.replacing("A", with: #"\u0041"#))"}"#, #"{"image":""}"#),
    ] {
      for size in [1, 2, 3, 7, 64, 1000] {
        let found = try scan(text, pieces: size)
        #expect(found.rest == rest && found.image == bytes, "pieces of \(size): \(rest)")
      }
    }
    // Inside an array or a nested object, it is not a picture.
    #expect(try scan(#"["image", "QUJD"]"#, pieces: 3).image.isEmpty)
    #expect(try scan(#"{"a": {"image": "QUJD"}}"#, pieces: 3).image.isEmpty)
    #expect(throws: JSONImageScanner.Malformed.twoImages) {
      try scan(#"{"image": "QUJD", "image": "QUJD"}"#, pieces: 5)
    }
    #expect(throws: JSONImageScanner.Malformed.tooLong) {
      try scan(#"{"name": "\#(String(repeating: "x", count: 70_000))"}"#, pieces: 999)
    }
  }

  @Test(arguments: [
    "Q", "QU", "QUJ", "QUJDR", "Q===", "QUI=QUI=", "QU-_", "QU\nJD", "=", "QQ==",
  ])
  func base64IsAsFoundationHasIt(_ text: String) {
    var decoder = Base64Decoder()
    let decoded = try? Array(text.utf8).withUnsafeBytes { try decoder.decode($0) }
    let isWhole = (try? decoder.finish()) != nil
    #expect((isWhole ? decoded.map { Data($0) } : nil) == Data(base64Encoded: text))
  }

  /// The memory for an object does not grow with its picture.
  @Test func picturesInObjectsGoToTheDisk() throws {
    let receiver = try UploadJSON(in: nil)
    let count = 30 << 20
    try receiver.take(.init(string: #"{"image": ""#))
    let piece = String(repeating: "QUJD", count: 1 << 14)
    for _ in 0..<(count / piece.utf8.count) { try receiver.take(.init(string: piece)) }
    #expect(receiver.bytesInMemory < 100)
    try receiver.take(.init(string: #"", "name": "a.png"}"#))
    let upload = try receiver.finish()
    let size = try FileManager.default.attributesOfItem(atPath: upload.path)[.size] as? Int
    #expect(size == count / 4 * 3 && upload.name == "a.png")
  }

  @Test func formsHaveFewParts() throws {
    let part = "--x\r\nContent-Disposition: form-data; name=\"seed\"\r\n\r\n1\r\n"
    let form = try UploadForm(
      try #require(MultipartParser(contentType: "multipart/form-data; boundary=x")), in: nil)
    try form.take(.init(string: String(repeating: part, count: 100)))
    do {
      // Regardless of how many more would follow.
      try form.take(.init(string: String(repeating: part, count: 3)))
      Issue.record("accepted")
    } catch let problem as Problem {
      #expect(problem.status == .badRequest && problem.detail == "the form has more than 100 parts")
    }
  }

  /// The concurrent uploads from one address and in all are limited; others are accepted once these
  /// have ended.
  @Test func uploadsAtOnceAreFew() async throws {
    var limits = ServiceLimits()
    (limits.uploadsPerAddress, limits.uploads) = (2, 3)
    try await TestService.with(
      folder, restores: false, limits,
      listen: { $0.trustedProxies = [AddressRange("127.0.0.1")!] }
    ) { service in
      func begin(_ address: String) async throws -> Connection {
        let connection = try Connection(service)
        try await connection.send(
          Self.formHead + "X-Forwarded-For: \(address)\r\nExpect: 100-continue\r\n"
            + "Content-Length: 5000\r\n\r\n")
        return connection
      }
      var open: [Connection] = []
      for address in ["192.0.2.1", "192.0.2.1", "192.0.2.2"] {
        open.append(try await begin(address))
        let line = try await open.last!.read(until: "\r\n\r\n")
        #expect(line.hasPrefix("HTTP/1.1 100 "))
      }
      for (address, status) in [("192.0.2.1", 429), ("192.0.2.2", 503), ("192.0.2.3", 503)] {
        let (head, body) = try await begin(address).answer()
        #expect(
          head.hasPrefix("HTTP/1.1 \(status) ") && head.lowercased().contains("retry-after: 2"))
        #expect(String(decoding: body, as: UTF8.self).contains("too_many_uploads"))
      }
      for connection in open { try await connection.vanish() }
      #expect(try await eventually { try await service.upload(photo).status == 202 })
    }
  }

  @Test func uploadsThatStallAreEnded() async throws {
    var limits = ServiceLimits()
    limits.secondsOfSilence = 0.5
    try await TestService.with(folder, restores: false, limits) { service in
      let connection = try Connection(service)
      try await connection.send(Self.formHead + "Content-Length: 100000\r\n\r\n")
      try await connection.send(Self.imageHead + "some")
      let (head, body) = try await connection.answer()
      #expect(head.hasPrefix("HTTP/1.1 408 "))
      #expect(String(decoding: body, as: UTF8.self).contains("no data of the upload arrived for"))
    }
  }

  @Test func leftoversOfKilledProcessesAreRemoved() throws {
    let parent = FileManager.default.temporaryDirectory.path
    let left = "\(parent)/nsarm-\(UUID().uuidString)"
    let others = [
      "\(parent)/nsarm-not-a-uuid-\(UUID().uuidString)", "\(parent)/\(UUID().uuidString)",
    ]
    for path in [left] + others {
      try FileManager.default.createDirectory(
        atPath: path + "/in", withIntermediateDirectories: true)
    }
    defer { for path in others { try? FileManager.default.removeItem(atPath: path) } }
    let inUse = try TemporaryFolder()
    // New folders may be about to be locked.
    TemporaryFolder.removeLeftOver()
    #expect(FileManager.default.fileExists(atPath: left))
    let old = [FileAttributeKey.modificationDate: Date(timeIntervalSinceNow: -3600)]
    for path in [left, inUse.path] + others {
      try FileManager.default.setAttributes(old, ofItemAtPath: path)
    }
    TemporaryFolder.removeLeftOver()
    #expect(!FileManager.default.fileExists(atPath: left))
    for path in [inUse.path] + others { #expect(FileManager.default.fileExists(atPath: path)) }
    let path = inUse.path
    inUse.remove()
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  /// Users of the web do not know the command's options.
  @Test func errorsAreInTheirWords() async throws {
    #expect(
      WebText.of(
        ImagingError.tooLarge(
          path: "/tmp/x/upload", width: 90, height: 80, limit: .area(2000)),
        names: ["/tmp/x": "", "/tmp/x/upload": "a.png"])
        == "a.png: 90x80 pixels exceed the limit of this service, which is 2000 pixels")
    let error = ImagingError.noTransparency(path: "/tmp/x/upload", format: "JPEG")
    #expect(
      WebText.of(error, names: ["/tmp/x/upload": "a.png"])
        == "a.png: JPEG stores no transparency; choose PNG, or put a colour behind the picture"
        + " (background)")
    var limits = ServiceLimits()
    limits.pixels = 50
    try await TestService.with(folder, restores: false, limits) { service in
      let refused = try await service.upload(photo, name: "a.png")
      #expect(
        try refused.json["detail"] as? String
          == "a.png: 9x7 pixels exceed the limit of this service, which is 50 pixels")
    }
  }
}
