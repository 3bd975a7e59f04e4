import Files
import Foundation
import TestSupport
import Testing

@Suite struct AtomicFolderTests {
  private let folder = try! ScratchFolder()
  private struct Interrupted: Error {}

  private func write(_ contents: [String: String]) throws {
    try AtomicFolder.write(folder("model")) { temporary in
      for (name, text) in contents {
        try AtomicFile.write(Data(text.utf8), to: temporary + "/" + name)
      }
    }
  }

  private func text(_ name: String) -> String? {
    FileManager.default.contents(atPath: folder(name)).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func aNewFolderTakesThePlaceOfTheOld() throws {
    try write(["weights": "1", "notes": "old"])
    try write(["weights": "2"])
    #expect(folder.contents == ["model/weights"] && text("model/weights") == "2")
    #expect(folder.entries == ["model"])
  }

  @Test func aFailureLeavesTheOldFolder() throws {
    try write(["weights": "1"])
    #expect(throws: Interrupted.self) {
      try AtomicFolder.write(folder("model")) { temporary in
        try AtomicFile.write(Data(), to: temporary + "/weights")
        throw Interrupted()
      }
    }
    #expect(folder.entries == ["model"] && text("model/weights") == "1")
  }

  /// The remains of a killed process: a half-written folder and, on systems without an atomic
  /// exchange, an old folder that has lost its name.
  @Test func remainsAreMended() throws {
    let files = FileManager.default
    for name in [".model.partial", ".model.old", ".run.partial"] {
      try files.createDirectory(atPath: folder(name), withIntermediateDirectories: true)
      try AtomicFile.write(Data(name.utf8), to: folder(name) + "/weights")
    }
    AtomicFolder.recoverAll(in: folder.path)
    #expect(folder.entries == ["model"] && text("model/weights") == ".model.old")
  }

  /// The second of two writers is rejected, and neither it nor a recovery disturbs the first.
  @Test func twoWritersOfOneFolder() throws {
    try AtomicFolder.write(folder("model")) { temporary in
      try AtomicFile.write(Data("first".utf8), to: temporary + "/weights")
      let error = #expect(throws: FileError.self) { try write(["weights": "second"]) }
      #expect(error.map { "\($0)".contains("another process is writing it") } == true)
      AtomicFolder.recoverAll(in: folder.path)
      #expect(folder.entries == [".model.partial"])
    }
    #expect(folder.contents == ["model/weights"] && text("model/weights") == "first")
    try write(["weights": "third"])
    #expect(folder.entries == ["model"] && text("model/weights") == "third")
  }

  @Test func aPathThatCannotBeAFolder() throws {
    try AtomicFile.write(Data(), to: folder("file"))
    #expect(throws: FileError.self) { try AtomicFolder.write(folder("file/model")) { _ in } }
  }
}
