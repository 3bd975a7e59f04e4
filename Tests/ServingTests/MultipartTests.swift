import Testing

@testable import Serving

@Suite struct MultipartTests {
  private struct Part: Equatable {
    let name: String
    let fileName: String?
    var bytes: [UInt8] = []
  }

  /// The parts of a body that arrives in chunks of `size` bytes; nil if it is incomplete.
  private func parts(_ body: [UInt8], pieces size: Int, boundary: String = "B") throws -> [Part]? {
    var parser = try #require(
      MultipartParser(contentType: "multipart/form-data; boundary=\(boundary)"))
    var parts: [Part] = []
    for start in stride(from: 0, to: body.count, by: size) {
      try parser.parse(body[start..<min(start + size, body.count)]) { event in
        switch event {
        case .part(let name, let fileName): parts.append(Part(name: name, fileName: fileName))
        case .bytes(let bytes): parts[parts.count - 1].bytes += bytes
        case .partEnd: break
        }
      }
    }
    return parser.isComplete ? parts : nil
  }

  private func field(_ name: String, _ value: String, file: String? = nil) -> String {
    "--B\r\nContent-Disposition: form-data; name=\"\(name)\""
      + (file.map { "; filename=\"\($0)\"\r\nContent-Type: image/png" } ?? "")
      + "\r\n\r\n\(value)\r\n"
  }

  /// With any division of the body into chunks.
  @Test func partsComeWhole() throws {
    let tricky = "a\r\n--\r\n-B\r\n--A\r\n\r\n--"
    let body =
      "preamble\r\n" + field("image", tricky, file: "a b.png") + field("empty", "")
      + field("seed", "7") + "--B--\r\nepilogue"
    let expected = [
      Part(name: "image", fileName: "a b.png", bytes: Array(tricky.utf8)),
      Part(name: "empty", fileName: nil), Part(name: "seed", fileName: nil, bytes: [0x37]),
    ]
    for size in [1, 2, 3, 5, 7, 16, 64, 1000] {
      #expect(try parts(Array(body.utf8), pieces: size) == expected, "pieces of \(size)")
    }
  }

  @Test func whatIsCutShortIsNotComplete() throws {
    let body = Array((field("image", "abc", file: "x") + "--B--").utf8)
    #expect(try parts(body, pieces: 9)?.count == 1)
    for count in 0..<body.count {
      #expect(try parts(Array(body[..<count]), pieces: 9) == nil, "\(count) bytes")
    }
  }

  @Test func malformedFormsAreRefused() throws {
    for body in [
      "--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--", "--B\r\n\r\nx\r\n--B--",
      "--Bxy", "--B\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n--B--",
      "--B\r\n" + String(repeating: "a: b\r\n", count: 4000),
    ] {
      #expect(throws: MultipartParser.Malformed.self, "\(body.prefix(40))") {
        try parts(Array(body.utf8), pieces: 50)
      }
    }
    for type in [
      "", "multipart/form-data", "multipart/form-data; boundary=", "text/plain; boundary=B",
      "multipart/form-data; boundary=" + String(repeating: "b", count: 71),
    ] { #expect(MultipartParser(contentType: type) == nil, "\(type)") }
    #expect(MultipartParser(contentType: "Multipart/Form-Data; charset=x; boundary=\"a b\"") != nil)
  }

  /// A client's file name never becomes a path.
  @Test(
    arguments: [
      (nil, "picture"), ("", "picture"), ("../../etc/passwd", "passwd"), ("C:\\a\\b.jpg", "b.jpg"),
      ("..", "picture"), ("a\u{0}\n\u{202e}b.png", "ab.png"), ("/", "picture"),
      ("Fête 🎉.jpg", "Fête 🎉.jpg"),
      (String(repeating: "x", count: 300) + ".jpeg", String(repeating: "x", count: 90) + ".jpeg"),
    ] as [(String?, String)])
  func namesAreForPeopleOnly(_ name: String?, _ shown: String) {
    #expect(Upload.displayName(name) == shown)
  }
}
