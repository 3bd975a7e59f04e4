import Foundation
import Imaging
import TestSupport
import Testing

/// `nsarm upscale` on folders: what is wrong with one file is no reason to leave out the others.
@Suite(.serialized, .ownThreads) struct FolderTests {
  private let folder = try! ScratchFolder()

  private func objects(_ result: Command.Result) throws -> [[String: Any]] {
    try result.outputLines.map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as! [String: Any]
    }
  }

  @Test func namesThatAreNotUTF8AreReported() throws {
    try folder.write(scene(8, 8), "in/a.png")
    let name = Array("\(folder("in"))/caf".utf8) + [0xE9] + Array(".png".utf8) + [0]
    let descriptor = open(name.map { CChar(bitPattern: $0) }, O_CREAT | O_WRONLY, 0o600)
    try #require(descriptor >= 0)
    close(descriptor)
    let result = try Command.upscale(folder("in"), "-o", folder("out"), "--json")
    #expect(result.status == 1)
    #expect(result.errors.contains("caf\\xE9.png: the file's name is not UTF-8"))
    #expect(folder.contents.contains("out/a.png"))
    #expect(try objects(result).map { $0["error"] != nil } == [true, false])
    let named = try Command.shell("$NSARM upscale \(folder("in"))/caf*.png")
    #expect(named.status == 1 && named.errors.contains("not UTF-8 cannot be given"))
  }

  @Test func aFolderThatCannotBeListedIsReported() throws {
    try folder.write(scene(8, 8), "in/a.png")
    mkdir(folder("in/lost+found"), 0)
    defer { chmod(folder("in/lost+found"), 0o700) }
    let result = try Command.run(
      ["upscale", "--model", Command.model, folder("in"), "-o", folder("out"), "--json"],
      obeysPermissions: true)
    #expect(result.status == 1)
    #expect(result.errors.contains("lost+found: cannot be read (the folder cannot be listed"))
    #expect(try objects(result).map { $0["error"] != nil } == [true, false])
    #expect(folder.contents.contains("out/a.png"))
  }

  @Test func onlyInputsThatShareAnOutputFail() throws {
    for name in ["a.jpg", "a.png", "b.jpg"] { try folder.write(scene(8, 8), "in/\(name)") }
    let result = try Command.upscale(
      folder("in"), "--format", "png", "-o", folder("out"), "--json")
    #expect(result.status == 1)
    let lines = try objects(result)
    #expect(lines.map { $0["error"] != nil } == [true, true, false])
    #expect(
      lines.map { $0["input"] as! String }
        == ["a.jpg", "a.png", "b.jpg"].map { folder("in/\($0)") })
    #expect((lines[0]["error"] as! String).contains("would be written to one file"))
    #expect(folder.contents.filter { $0.hasPrefix("out") } == ["out/b.png"])
  }

  @Test func anOutputFolderInsideTheInputFolderIsNotSearched() throws {
    try folder.write(scene(8, 8), "in/a.png")
    for _ in 0..<2 {
      let result = try Command.upscale(folder("in"), "-o", folder("in/out"), "--overwrite")
      #expect(result.status == 0, "\(result.errors)")
    }
    #expect(folder.contents == ["in/a.png", "in/out/a.png"])
  }

  @Test func aHalfDoneFolderIsGoneOnWith() throws {
    for name in ["a.png", "b.png"] { try folder.write(scene(8, 8), "in/\(name)") }
    try folder.write(scene(4, 4), "out/a.png")
    let refused = try Command.upscale(folder("in"), "-o", folder("out"))
    #expect(refused.status == 1)
    #expect(refused.errors.contains("--overwrite") && refused.errors.contains("--skip-existing"))
    unlink(folder("out/b.png"))
    let result = try Command.upscale(
      folder("in"), "-o", folder("out"), "--skip-existing", "--json")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("1 done, 1 skipped in "))
    #expect(try objects(result).map { $0["skipped"] as? String } == ["exists already", nil])
    #expect(try ImageFile.open(folder("out/a.png")).width == 4, "kept as it was")
    let both = try Command.upscale(folder("in"), "--overwrite", "--skip-existing")
    #expect(both.status == 64 && both.errors.contains("cannot be combined"))
  }

  @Test func whatIsNoPictureIsCounted() throws {
    try folder.write(scene(8, 8), "in/a.png")
    for name in ["in/a.txt", "in/b.doc", "in/c"] { _ = try folder.write(name, [1]) }
    let result = try Command.upscale(folder("in"), "-o", folder("out"))
    #expect(result.status == 0 && result.errorLines == ["note: 3 files are no pictures"])
    unlink(folder("in/a.png"))
    let none = try Command.upscale(folder("in"), "-o", folder("out"), "--json")
    #expect(none.status == 1 && none.errors.contains("no pictures found among 3 files"))
    #expect(none.outputLines.count == 1)
  }

  /// Three frames of 5x3 pixels.
  private static let animation = Data(
    base64Encoded: """
      R0lGODlhBQADAIAAAEdwTP8AACH/C05FVFNDQVBFMi4wAwEAAAAh+QQFAAAAACwAAAAABQADAAACA4yPWQAh+QQFAA\
      AAACwAAAAABQADAIBHcEwA/wACA4yPWQAh+QQFAAAAACwAAAAABQADAIBHcEwAAP8CA4yPWQA7
      """)!

  @Test func pagesOfAnAnimation() throws {
    _ = try folder.write("a.gif", Self.animation)
    let first = try Command.upscale(folder("a.gif"), "--json")
    #expect(first.status == 0, "\(first.errors)")
    #expect(first.errorLines.count == 1)
    #expect(first.errors.contains("warning: \(folder("a.gif")): only the first of its 3 pages"))
    #expect(first.errors.contains("--pages"))
    #expect((try objects(first)[0]["warnings"] as! [String]).count == 1)
    let all = try Command.upscale(folder("a.gif"), "--pages", "--json")
    #expect(all.status == 0 && all.errorLines.count == 1, "\(all.errors)")
    let lines = try objects(all)
    #expect(lines.map { $0["page"] as? Int } == [1, 2, 3])
    #expect(lines.allSatisfy { ($0["warnings"] as! [String]).isEmpty })
    #expect(
      folder.contents == [
        "a.gif", "a_x4.png", "a_x4_p001.png", "a_x4_p002.png", "a_x4_p003.png",
      ])
    let pages = try (1...3).map { try ImageFile.read(folder("a_x4_p00\($0).png")).planes().values }
    #expect(pages[0] != pages[1] && pages[1] != pages[2])
    #expect(try Command.upscale(folder.path, "--pages", "--overwrite").errors.contains("3 done in"))
  }
}
