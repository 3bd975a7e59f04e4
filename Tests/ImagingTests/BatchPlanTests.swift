import Foundation
import Imaging
import TestSupport
import Testing

@Suite struct BatchPlanTests {
  private func makeTree() throws -> ScratchFolder {
    let folder = try ScratchFolder()
    for name in [
      "b.PNG", "a.jpg", "notes.txt", ".hidden.png", "sub/c.webp", "sub/.git/d.png", "z/e.tif",
    ] {
      let path = folder(name)
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try Data([1]).write(to: URL(fileURLWithPath: path))
    }
    return folder
  }

  @Test func foldersAreSearchedSortedWithoutHiddenFiles() throws {
    let folder = try makeTree()
    let found = try InputFiles.expand([folder.path])
    #expect(found.map(\.relativePath) == ["a.jpg", "b.PNG", "sub/c.webp", "z/e.tif"])
    let twice = try InputFiles.expand([folder("b.PNG"), folder.path, folder("notes.txt")])
    #expect(twice.map(\.relativePath) == ["b.PNG", "a.jpg", "sub/c.webp", "z/e.tif", "notes.txt"])
  }

  @Test func missingAndEmptyFoldersAreReported() throws {
    let folder = try ScratchFolder()
    #expect(throws: ImagingError.noInputs(path: folder.path)) {
      try InputFiles.expand([folder.path])
    }
    #expect(throws: ImagingError.missing(path: folder("nothing"))) {
      try InputFiles.expand([folder("nothing")])
    }
  }

  @Test func outputsMirrorTheFolders() throws {
    let folder = try makeTree()
    let inputs = try InputFiles.expand([folder.path])
    let plan = try BatchPlan(inputs, folder: "out", suffix: "-x4", format: .png)
    #expect(
      plan.items.map(\.output)
        == ["out/a-x4.png", "out/b-x4.PNG", "out/sub/c-x4.png", "out/z/e-x4.png"])
    let kept = try BatchPlan(inputs, folder: "out")
    #expect(
      kept.items.map(\.output) == ["out/a.jpg", "out/b.PNG", "out/sub/c.webp", "out/z/e.tif"])
  }

  @Test func collisionsAreReported() throws {
    let inputs = ["in/a.jpg", "in/a.png", "in/b.jpg"].map {
      InputFile(path: $0, relativePath: ($0 as NSString).lastPathComponent)
    }
    #expect(
      throws: ImagingError.collision(output: "out/a.png", inputs: ["in/a.jpg", "in/a.png"])
    ) {
      try BatchPlan(inputs, folder: "out", format: .png)
    }
    #expect(throws: ImagingError.self) { try BatchPlan(inputs, folder: "in") }
    let three = try BatchPlan(inputs, folder: "out")
    #expect(three.items.count == 3)
  }
}
