import Foundation
import TestSupport
import Testing

@testable import Files

@Suite struct FileDigestTests {
  private let folder = try! ScratchFolder()

  /// The examples of FIPS 180-2, and a file of several blocks.
  @Test(arguments: [
    ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
  ])
  func digests(_ text: String, _ count: Int, _ expected: String) throws {
    let path = try folder.write("a", Array(String(repeating: text, count: count).utf8))
    var seen = 0
    #expect(try FileDigest.sha256(path) { seen += $0 } == expected)
    #expect(seen == text.utf8.count * count)
  }

  @Test func whatCannotBeReadIsSaid() {
    #expect(throws: FileError.unreadable(path: "/none", reason: "No such file or directory")) {
      try FileDigest.sha256("/none")
    }
  }

  /// In steps, across the ends of files, and never backwards.
  @Test func digestsAreTakenInSteps() throws {
    let paths = try ["ab", "", "c"].enumerated().map {
      try folder.write("piece\($0.offset)", Array($0.element.utf8))
    }
    let digest = RunningDigest(paths, joinedMD5: true)
    var seen = 0
    for end in [1, 3, 2, 0] { try digest.advance(to: end) { seen += $0 } }
    #expect(seen == 3)
    let sums = try digest.finish { seen += $0 }
    #expect(seen == 3)
    #expect(try sums.sha256 == paths.map { try FileDigest.sha256($0) })
    #expect(sums.joinedMD5 == "900150983cd24fb0d6963f7d28e17f72")  // RFC 1321, "abc"
    #expect(Array("abc".utf8).withUnsafeBytes(FileDigest.md5) == sums.joinedMD5)
    #expect(try RunningDigest(paths).finish().joinedMD5 == nil)
  }

  @Test func positionsAreWrittenInAnyOrder() throws {
    let file = try AtomicFile(folder("f"))
    for (offset, text) in [(3, "def"), (0, "abc")] {
      try file.seek(to: offset)
      try Array(text.utf8).withUnsafeBytes { try file.write($0) }
    }
    try file.commit()
    #expect(FileManager.default.contents(atPath: folder("f")) == Data("abcdef".utf8))
  }

  @Test func roomIsLookedFor() throws {
    try FreeSpace.require(1, at: folder("not/there/yet"))
    #expect(FreeSpace.existingFolder(of: folder("not/there/yet")) == folder.path)
    #expect(FreeSpace.existingFolder(of: "none") == ".")
    let text =
      "\(#expect(throws: FileError.self) { try FreeSpace.require(1 << 60, at: folder("x")) }!)"
    #expect(text.contains("MB are needed there and") && text.contains("free some space"))
  }
}
