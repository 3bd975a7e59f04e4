import Foundation
import Imaging
import TestSupport
import Testing

@testable import Serving

@Suite struct ArchiveTests {
  private let folder: ScratchFolder
  private static let python = "/usr/bin/python3"
  private static let hasPython = FileManager.default.isExecutableFile(atPath: python)

  init() throws { folder = try ScratchFolder() }

  /// The contents of an archive according to Python's zipfile: names and sizes, with checksums
  /// verified.
  private func read(_ path: String, checks: Bool = true) throws -> [(name: String, size: Int)] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.python)
    process.arguments = [
      "-c",
      """
      import json, sys, zipfile
      with zipfile.ZipFile(sys.argv[1]) as z:
          assert not \(checks ? "True" : "False") or z.testzip() is None
          last = z.infolist()[-1]
          z.read(last) if last.file_size < 1 << 20 else None
          print(json.dumps([[i.filename, i.file_size] for i in z.infolist()]))
      """, path,
    ]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let entries = try JSONSerialization.jsonObject(with: output) as? [[Any]] ?? []
    return entries.map { ($0[0] as? String ?? "", $0[1] as? Int ?? -1) }
  }

  @Test(.enabled(if: hasPython, "no Python")) func allResultsAreInOneFile() async throws {
    let picture = Image(
      width: 24, height: 16, channels: 3, samples: .u8((0..<1152).map { UInt8($0 % 251) }))
    try folder.write(picture, "photo.png")
    let photo = try Data(contentsOf: URL(fileURLWithPath: folder("photo.png")))
    try await TestService.with(folder) { service in
      let none = try await service.send("GET", "/v1/archive")
      #expect(none.status == 409 && none.code == "no_result")
      var ids: [String] = []
      for name in ["photo.png", "Photo.png", "Würfel.png"] {
        ids.append(try #require(try await service.upload(photo, name: name).json["id"] as? String))
        _ = try await service.events(ids.last!)
      }
      let all = try await service.send("GET", "/v1/archive")
      #expect(all.status == 200 && all.header("Content-Type") == "application/zip")
      #expect(all.header("Content-Disposition")?.contains("nsarm.zip") == true)
      let path = try folder.write("all.zip", all.body)
      let entries = try read(path)
      #expect(entries.map(\.name) == ["photo_x4.png", "Photo_x4 (2).png", "Würfel_x4.png"])
      for (id, entry) in zip(ids, entries) {
        let result = try await service.send("GET", "/v1/restorations/\(id)/result")
        #expect(result.body.count == entry.size)
        #expect(all.body.range(of: result.body) != nil)
      }
      let one = try await service.send("GET", "/v1/archive?ids=\(ids[2])")
      #expect(try read(folder.write("one.zip", one.body)).map(\.name) == ["Würfel_x4.png"])
      #expect(try await service.send("GET", "/v1/archive?ids=\(UUID())").status == 409)
      for text in ["", "x", "\(ids[0]),"] {
        let answer = try await service.send("GET", "/v1/archive?ids=\(text)")
        #expect(answer.status == 422 && answer.code == "invalid_setting", "\(text)")
      }
      let head = try await service.send("HEAD", "/v1/archive")
      #expect(head.status == 200 && head.body.isEmpty)
    }
  }

  /// Beyond 32-bit sizes: a sparse file, which takes no space.
  @Test(.enabled(if: hasPython, "no Python")) func largeFilesAreCounted() throws {
    let path = folder("large.zip")
    try Data().write(to: URL(fileURLWithPath: path))
    let file = try #require(FileHandle(forWritingAtPath: path))
    var zip = ZipWriter()
    let size = 5 << 30
    try file.write(
      contentsOf: zip.begin(.init(name: "large.png", size: size, sum: 0, date: .now)))
    try file.seek(toOffset: try file.offset() + UInt64(size))
    let bytes = Data("a small one behind it".utf8)
    try file.write(
      contentsOf: zip.begin(
        .init(name: "small.png", size: bytes.count, sum: ZipWriter.sum(bytes), date: .now)))
    try file.write(contentsOf: bytes)
    try file.write(contentsOf: zip.end())
    try file.close()
    let entries = try read(path, checks: false)
    #expect(entries.map(\.name) == ["large.png", "small.png"])
    #expect(entries.map(\.size) == [size, bytes.count])
  }

  @Test(.enabled(if: hasPython, "no Python")) func manyFilesAreCounted() throws {
    var (zip, data) = (ZipWriter(), Data())
    for number in 0..<70_000 {
      let file = ZipWriter.File(name: "\(number).png", size: 0, sum: 0, date: .distantPast)
      data += zip.begin(file)
    }
    data += zip.end()
    let entries = try read(folder.write("many.zip", data))
    #expect(entries.count == 70_000 && entries.last?.name == "69999.png")
  }

  @Test func sumsAreThoseOfTheStandard() {
    #expect(ZipWriter.sum(Data("123456789".utf8)) == 0xcbf4_3926)
    let whole = Data((0..<5000).map { UInt8($0 % 256) })
    let half = ZipWriter.sum(whole.prefix(1234))
    #expect(ZipWriter.sum(whole.dropFirst(1234), after: half) == ZipWriter.sum(whole))
    #expect(ZipWriter.sum(Data()) == 0)
  }

  @Test(arguments: [
    ("photo.png", "photo.png"), ("../../etc/passwd", "_.._etc_passwd"),
    ("..\\..\\a.png", "_.._a.png"), ("/a.png", "_a.png"), ("c:a.png", "c_a.png"), ("..", "picture"),
    (".hidden.png", "hidden.png"), ("a\u{0}b\n.png", "a_b_.png"), ("a. . ", "a"),
    ("con.png", "_con.png"), ("LPT1", "_LPT1"), ("nul.tar.png", "_nul.tar.png"),
    ("a\u{202e}gnp.exe", "a_gnp.exe"), ("", "picture"), ("a?*<>|\".png", "a______.png"),
    ("com10.png", "com10.png"), ("日本.png", "日本.png"),
  ])
  func namesAreSafe(_ wanted: String, _ expected: String) {
    var names = ArchiveNames()
    #expect(names.name(wanted) == expected)
  }

  @Test func namesAreUnique() {
    var names = ArchiveNames()
    let made = ["a.png", "A.PNG", "a.png", "a (2).png", "\u{e9}.png", "e\u{301}.png"].map {
      names.name($0)
    }
    #expect(Set(made.map { $0.lowercased().precomposedStringWithCanonicalMapping }).count == 6)
    #expect(made.prefix(2) == ["a.png", "A (2).PNG"])
    let long = names.name(String(repeating: "ü", count: 300) + ".png")
    #expect(long.utf8.count <= 200 && long.hasSuffix("ü.png"))
  }
}
