import Foundation
import Imaging
import ModelTestSupport
import TestSupport
import Testing

/// The programs of Examples and the code of the documentation, run as their readers would.
@Suite(.ownThreads) struct SnippetTests {
  private let folder = try! ScratchFolder()
  private let photo = Fixture.packageRoot
    .appendingPathComponent("Samples/face-astronaut-nasa-lr.jpg").path

  private struct Result {
    let status: Int32
    let output: String
  }

  /// Runs a program of this package in the folder, with the shipped model.
  private func run(_ name: String, _ arguments: String...) throws -> Result {
    let process = Process()
    let places = [Bundle.main.bundleURL, Bundle.main.bundleURL.deletingLastPathComponent()]
    let program = places.map { $0.appendingPathComponent(name) }
      .first(where: { FileManager.default.isExecutableFile(atPath: $0.path) })
    let url: URL = try #require(program, "\(name) is not beside the tests")
    process.executableURL = url
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    process.environment = ProcessInfo.processInfo.environment
      .merging(["XDG_CACHE_HOME": folder("cache"), "NSARM_MODEL": ""]) { $1 }
    let output = Pipe()
    (process.standardOutput, process.standardError) = (output, output)
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, output: String(decoding: data, as: UTF8.self))
  }

  private func size(_ name: String) throws -> [Int] {
    let reader = try ImageFile.open(folder(name))
    return [reader.width, reader.height]
  }

  /// The files that the documentation's code reads: holiday.jpg and others in the working
  /// directory.
  private func prepare() throws {
    let files = FileManager.default
    try files.createDirectory(atPath: folder("Models"), withIntermediateDirectories: true)
    try files.createSymbolicLink(
      atPath: folder("Models/nano"),
      withDestinationPath: Fixture.packageRoot.appendingPathComponent("Models/nano").path)
    try TinyTextEncoder.write(to: folder("Models/8b/text-encoder"))
    let photo = try ImageFile.read(photo).cropped(to: PixelRect(width: 96, height: 64))
    for name in ["holiday.jpg", "photos/holiday.jpg", "original.png", "restored.png"] {
      try folder.write(photo, name)
    }
    try folder.write(Image(FloatImage(width: 512, height: 384, channels: 3)), "landscape.png")
  }

  @Test func theDocumentationsCodeRuns() throws {
    try prepare()
    let result = try run("documentation-snippets")
    #expect(result.status == 0 && result.output.hasSuffix("every snippet has run\n"), "\(result)")
    #expect(
      result.output.contains("100 %\n") && result.output.contains("missing.jpg: no such file"),
      "\(result)")
    #expect(try size("holiday_x4.png") == [384, 256] && size("holiday_x2.jpg") == [192, 128])
    #expect(try size("restored/holiday.png") == [384, 256])
  }

  @Test func aPhotoIsRestored() throws {
    let result = try run("restore-photo", photo, "restored.png")
    #expect(result.status == 0 && result.output.contains("restored.png: 768 x 768"), "\(result)")
    #expect(try size("restored.png") == [768, 768])
    let again = try run("restore-photo", photo, "restored.png")
    #expect(again.status == 1 && again.output.contains("error: restored.png"), "\(again)")
    #expect(try run("restore-photo").status == 64)
  }

  @Test func rowsArriveOneAfterTheOther() throws {
    let result = try run("restore-rows", photo, "rows.png")
    #expect(result.status == 0 && result.output.hasPrefix("rows 0 to "), "\(result)")
    #expect(result.output.contains("to 767\n"), "\(result)")
    let whole = try run("restore-photo", photo, "whole.png")
    #expect(whole.status == 0, "\(whole)")
    #expect(try ImageFile.readRGB(folder("rows.png")) == ImageFile.readRGB(folder("whole.png")))
  }

  @Test func whatIsCancelledLeavesNothing() throws {
    let stopped = try run("restore-cancelled", photo, "given-up.png", "0")
    #expect(stopped.status == 0 && stopped.output.contains("stopped after 0 s"), "\(stopped)")
    #expect(folder.entries.isEmpty, "\(folder.entries)")
    let finished = try run("restore-cancelled", photo, "ready.png", "3600")
    #expect(finished.output.contains("ready.png is ready") && folder.entries == ["ready.png"])
  }
}
