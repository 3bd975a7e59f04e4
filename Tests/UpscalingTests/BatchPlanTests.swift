import Foundation
import Imaging
import TestSupport
import Testing

@testable import Upscaling

@Suite struct BatchPlanTests {
  private func makeTree() throws -> ScratchFolder {
    let folder = try ScratchFolder()
    for name in ["b.PNG", "a.jpg", "notes.txt", "sub/c.webp", "z/e.tif"] {
      let path = folder(name)
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try Data([1]).write(to: URL(fileURLWithPath: path))
    }
    return folder
  }

  private func files(_ paths: String...) -> [PictureFiles.File] {
    paths.map { PictureFiles.File(path: $0, relativePath: ($0 as NSString).lastPathComponent) }
  }

  private func errors(_ failures: [BatchPlan.Failure]) -> [String] {
    failures.map { "\($0.input): \($0.error)" }
  }

  @Test func everyFileComesOnce() throws {
    let folder = try makeTree()
    let inputs = BatchInputs([
      folder("b.PNG"), folder.path, folder("notes.txt"), folder("z/../a.jpg"),
    ])
    #expect(
      inputs.files.map(\.relativePath) == ["b.PNG", "a.jpg", "sub/c.webp", "z/e.tif", "notes.txt"])
    #expect(inputs.failures.isEmpty && inputs.otherCount == 1)
  }

  @Test func missingAndEmptyFoldersAreFailures() throws {
    let folder = try ScratchFolder()
    let empty = BatchInputs([folder.path, folder("nothing")])
    #expect(empty.files.isEmpty)
    #expect(
      empty.failures.map { $0.error as? BatchError }[0]
        == .noPictures(folder: folder.path, otherCount: 0))
    #expect(empty.failures[1].error as? ImagingError == .missing(path: folder("nothing")))
    _ = try folder.write("a.txt", [1])
    #expect(
      errors(BatchInputs([folder.path]).failures)[0].contains("no pictures found among 1 file"))
  }

  @Test func aFolderThatCannotBeListedDoesNotStopTheRest() throws {
    let folder = try makeTree()
    let inputs = BatchInputs([folder.path]) { path in
      if path.hasSuffix("/sub") { throw POSIXError(.EACCES) }
      return try PictureFiles.names(in: path)
    }
    #expect(inputs.files.map(\.relativePath) == ["a.jpg", "b.PNG", "z/e.tif"])
    #expect(inputs.failures.map(\.input) == [folder("sub")])
  }

  /// Without that a second run would enlarge what the first has made.
  @Test func outputsOfEarlierRunsAreNoInputs() throws {
    let folder = try makeTree()
    for name in ["a_x4.jpg", "a_x1.5_p002.png", "alone_x4.png", "sub/c_x2.webp"] {
      _ = try folder.write(name, [1])
    }
    let beside = BatchInputs([folder.path], leavesOutOutputs: true)
    #expect(
      beside.files.map(\.relativePath)
        == ["a.jpg", "alone_x4.png", "b.PNG", "sub/c.webp", "z/e.tif"])
    #expect(beside.earlierOutputCount == 3)
    let named = BatchInputs([folder("a_x4.jpg")], leavesOutOutputs: true)
    #expect(named.files.count == 1, "a file that is named is taken")
    let excluded = BatchInputs([folder.path], excluding: [folder("sub/.")])
    #expect(!excluded.files.contains { $0.relativePath.hasPrefix("sub") })
  }

  @Test func outputsMirrorTheFolders() throws {
    let tree = try makeTree()
    let found = BatchInputs([tree.path]).files
    let plan = BatchPlan(found, to: .folder("out"), format: .png)
    #expect(
      plan.items.map(\.output) == ["out/a.png", "out/b.PNG", "out/sub/c.png", "out/z/e.png"])
    let kept = BatchPlan(found, to: .folder("out"))
    #expect(
      kept.items.map(\.output) == ["out/a.jpg", "out/b.PNG", "out/sub/c.webp", "out/z/e.tif"])
    let beside = BatchPlan(found, to: .beside(suffix: "_x4"))
    #expect(beside.items.map(\.output).first == tree("a_x4.jpg"))
    #expect(plan.failures.isEmpty && kept.failures.isEmpty && beside.failures.isEmpty)
  }

  @Test func onlyInputsWithOneOutputFail() {
    let inputs = files("in/a.jpg", "in/a.png", "in/b.jpg")
    let plan = BatchPlan(inputs, to: .folder("out"), format: .png)
    #expect(plan.items.map(\.output) == ["out/b.png"])
    #expect(
      plan.failures.map { $0.error as? BatchError }
        == Array(
          repeating: .sharedOutput("out/a.png", inputs: ["in/a.jpg", "in/a.png"]), count: 2))
    #expect(BatchPlan(inputs, to: .folder("out")).items.count == 3)
  }

  @Test func inputsAreNeverReplaced() {
    let inputs = files("in/a.jpg", "in/b.jpg")
    let same = BatchPlan(inputs, to: .folder("./in/../in"))
    #expect(same.items.isEmpty)
    #expect(errors(same.failures)[0].contains("the output would replace the input"))
    let other = BatchPlan([
      BatchPlan.Item(input: inputs[0], output: "in/b.jpg"),
      BatchPlan.Item(input: inputs[1], output: "in/c.jpg"),
    ])
    #expect(other.items.map(\.output) == ["in/c.jpg"])
    #expect(errors(other.failures)[0].contains("in/b.jpg would replace an input"))
  }

  @Test func pagesGetFilesOfTheirOwn() {
    let inputs = files("in/a.tif", "in/b.jpg")
    let count = ["in/a.tif": 2, "in/b.jpg": 1]
    let beside = BatchPlan(inputs, to: .beside(suffix: "_x4")) { count[$0]! }
    #expect(
      beside.items.map(\.output) == ["in/a_x4_p001.tif", "in/a_x4_p002.tif", "in/b_x4.jpg"])
    #expect(beside.items.map(\.page) == [0, 1, nil])
    let many = BatchPlan(files("a.gif"), to: .file("out/c.png")) { _ in 1000 }
    #expect(
      many.items.last?.output == "out/c_p1000.png" && many.items[0].output == "out/c_p0001.png")
  }

  /// Equal as Swift's strings, two files for the file system.
  @Test func namesAreComparedByteByByte() throws {
    let folder = try ScratchFolder()
    for name in ["\u{E9}.png", "e\u{301}.png"] { _ = try folder.write(name, [1]) }
    let plan = BatchPlan(BatchInputs([folder.path]).files, to: .folder("out"))
    #expect(plan.items.count == 2 && plan.failures.isEmpty)
  }
}
