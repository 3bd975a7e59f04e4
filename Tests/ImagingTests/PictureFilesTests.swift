import Foundation
import Imaging
import TestSupport
import Testing

@Suite struct PictureFilesTests {
  private let folder = try! ScratchFolder()

  private func touch(_ names: String...) throws {
    for name in names {
      try FileManager.default.createDirectory(
        atPath: (folder(name) as NSString).deletingLastPathComponent,
        withIntermediateDirectories: true)
      _ = try folder.write(name, [1])
    }
  }

  @Test func foldersAreSearchedSortedWithoutHiddenFiles() throws {
    try touch(
      "b.PNG", "a.jpg", "notes.txt", ".hidden.png", "sub/c.webp", "sub/.git/d.png", "z/e.tif",
      "sub/more.doc")
    let found = PictureFiles(in: folder.path)
    #expect(found.files.map(\.relativePath) == ["a.jpg", "b.PNG", "sub/c.webp", "z/e.tif"])
    #expect(found.files.map(\.path).first == folder("a.jpg"))
    #expect(found.otherCount == 2 && found.problems.isEmpty)
    let flat = PictureFiles(in: folder.path, recursive: false)
    #expect(flat.files.map(\.relativePath) == ["a.jpg", "b.PNG"])
    let partial = PictureFiles(in: folder.path, excluding: [folder("z/../sub")])
    #expect(partial.files.map(\.relativePath) == ["a.jpg", "b.PNG", "z/e.tif"])
  }

  @Test func whatCannotBeUsedIsTold() throws {
    try touch("a.png", "closed/b.png", "open/c.png")
    symlink("nowhere", folder("dangling.jpg"))
    symlink("open", folder("link"))
    mkfifo(folder("pipe.png"), 0o600)
    let found = PictureFiles(in: folder.path) { path in
      if path.hasSuffix("closed") { throw POSIXError(.EACCES) }
      return try PictureFiles.names(in: path)
    }
    #expect(found.files.map(\.relativePath) == ["a.png", "open/c.png"])
    #expect(found.problems.map(\.path) == [folder("closed"), folder("dangling.jpg")])
    #expect("\(found.problems[0].error)".contains("cannot be listed"))
    #expect(found.otherCount == 1)
    let missing = PictureFiles(in: folder("none"))
    #expect("\(missing.problems[0].error)".contains("No such file"))
  }

  /// `String` holds UTF-8 only; file systems hold any bytes, such as Latin-1 from an old archive.
  @Test func namesThatAreNotUTF8AreReported() throws {
    try touch("a.png")
    func path(_ name: [UInt8]) -> [CChar] {
      (Array("\(folder.path)/".utf8) + name + [0]).map { CChar(bitPattern: $0) }
    }
    for name in ["caf\u{E9}.jpg", "caf\u{E9}.txt"] {
      let bytes = name.unicodeScalars.map { UInt8($0.value) }
      let descriptor = open(path(bytes), O_CREAT | O_WRONLY, 0o600)
      try #require(descriptor >= 0)
      close(descriptor)
    }
    #expect(mkdir(path([0xFF]), 0o700) == 0)
    let found = PictureFiles(in: folder.path)
    #expect(found.files.map(\.relativePath) == ["a.png"] && found.otherCount == 1)
    #expect(Set(found.problems.map(\.path)) == [folder("caf\\xE9.jpg"), folder("\\xFF")])
    #expect(found.problems.allSatisfy { "\($0.error)".contains("not UTF-8; rename it") })
  }
}
