import Foundation
import Imaging
import TestSupport
import Testing

@testable import Evaluation

@Suite struct FolderTests {
  private let scratch = try! ScratchFolder()

  private func comparison(
    _ methods: [String] = ["mine"], reference: Bool = true, input: Bool = false, crop: Int? = nil
  ) throws -> FolderComparison {
    try FolderComparison(
      methods.map { ($0, try PictureFolder(scratch($0))) },
      reference: reference ? try PictureFolder(scratch("hr")) : nil,
      input: input ? try PictureFolder(scratch("lr")) : nil, crop: crop, .plain())
  }

  @Test func filesArePairedByTheirStems() throws {
    try scratch.write(waves(64, 48), "hr/a.png")
    try scratch.write(waves(64, 48, shift: 1), "mine/a.webp")
    try scratch.write(waves(64, 48, shift: 2), "other/a.png")
    try scratch.write(waves(16, 12), "lr/a.png")
    let comparison = try comparison(["mine", "other"], input: true)
    #expect(comparison.stems == ["a"])
    let (picture, problems) = comparison.picture("a")
    #expect(problems == [])
    let scores = try #require(picture?.scores)
    #expect(Set(scores.keys) == ["bicubic", "mine", "other", "reference"])
    #expect(scores["mine"]![.psnrY]! > scores["other"]![.psnrY]!)
    #expect(picture?.inputWidth == 16 && picture?.width == 64)
    #expect(comparison.report.methods == ["bicubic", "mine", "other", "reference"])

    // The panels of a report are the pictures that were scored.
    #expect(comparison.panel(picture!, "input")?.rect == PixelRect(width: 16, height: 12))
    #expect(comparison.panel(picture!, "bicubic")?.samples == waves(16, 12).bicubic(4).samples)
    #expect(comparison.panel(picture!, "mine")?.rect == PixelRect(width: 64, height: 48))
    #expect(comparison.panel(picture!, "reference")?.samples == waves(64, 48).samples)
  }

  @Test func missingCounterparts() throws {
    try scratch.write(waves(64, 48), "hr/a.png")
    try scratch.write(waves(64, 48), "hr/b.png")
    for name in ["mine/a.png", "mine/c.png", "other/b.png"] {
      try scratch.write(waves(64, 48, shift: 1), name)
    }
    let comparison = try comparison(["mine", "other"])
    #expect(comparison.stems == ["a", "b", "c"])
    let a = comparison.picture("a")
    #expect(a.problems == ["\(scratch("other")): no picture named a"])
    #expect(a.picture?.scores["mine"] != nil && a.picture?.scores["other"] == nil)
    let c = comparison.picture("c")
    #expect(c.picture == nil)
    #expect(c.problems.contains("\(scratch("hr")): no picture named c"))
  }

  @Test func wrongSizesAndDamagedFiles() throws {
    try scratch.write(waves(64, 48), "hr/a.png")
    try scratch.write(waves(60, 48), "mine/a.png")
    try scratch.write(waves(64, 48), "other/a.png")
    try scratch.write(waves(17, 12), "lr/a.png")
    try scratch.write(waves(64, 48), "hr/b.png")
    try scratch.write(waves(64, 48), "mine/b.png")
    try Data("no picture".utf8).write(to: URL(fileURLWithPath: scratch("other/b.png")))
    try scratch.write(waves(16, 12), "lr/b.png")
    let comparison = try comparison(["mine", "other"], input: true)
    let a = comparison.picture("a")
    #expect(a.problems.contains("\(scratch("mine/a.png")): 60x48 pixels, expected 64x48"))
    #expect(a.problems.contains { $0.hasPrefix("\(scratch("lr/a.png")): 64x48 pixels are no") })
    #expect(Set(a.picture!.scores.keys) == ["other", "reference"])
    let b = comparison.picture("b")
    #expect(b.problems.count == 1 && b.problems[0].contains("other/b.png: not a picture"))
    #expect(Set(b.picture!.scores.keys) == ["bicubic", "mine", "reference"])
  }

  @Test func nothingToScore() throws {
    try scratch.write(waves(20, 20), "hr/a.png")
    try scratch.write(waves(20, 20), "mine/a.png")
    let comparison = try FolderComparison(
      [("mine", try PictureFolder(scratch("mine")))],
      reference: try PictureFolder(scratch("hr")), .plain(border: .max))
    let (picture, problems) = comparison.picture("a")
    #expect(picture == nil && problems.count == 1)
    #expect(problems.first?.contains("hr/a.png: too small") == true)
  }

  @Test func cropsAgreeWithTheInput() throws {
    let high = waves(200, 150)
    try scratch.write(high, "hr/a.png")
    try scratch.write(high, "mine/a.png")
    try scratch.write(high.resized(toWidth: 50, height: 37, .bicubic), "lr/a.png")
    try scratch.write(high.cropped(to: PixelRect(width: 200, height: 148)), "hr/b.png")
    try scratch.write(high.cropped(to: PixelRect(width: 200, height: 148)), "mine/b.png")
    try scratch.write(high.resized(toWidth: 50, height: 37, .bicubic), "lr/b.png")
    let comparison = try comparison(input: true, crop: 66)
    #expect(comparison.picture("a").problems.count == 1)
    let picture = try #require(comparison.picture("b").picture)
    #expect(picture.width == 64 && picture.height == 64 && picture.inputWidth == 16)
    let part = comparison.panel(picture, "mine")!
    #expect(part == comparison.panel(picture, "reference"))
    #expect(comparison.panel(picture, "bicubic")?.rect == part.rect)
    #expect(picture.scores["mine"]![.psnrY] == .infinity)
  }

  @Test func unchangedFilesKeepTheirFigures() throws {
    try scratch.write(waves(64, 48), "hr/a.png")
    try scratch.write(waves(64, 48, shift: 1), "mine/a.png")
    try scratch.write(waves(64, 48, shift: 2), "other/a.png")
    var earlier = try #require(try comparison().picture("a").picture)
    // An impossible figure shows whether it was kept.
    earlier.scores["mine"]![.psnrY] = 1000
    func again(_ methods: [String] = ["mine"]) throws -> EvaluationReport.Picture {
      try #require(try comparison(methods).picture("a", continuing: earlier).picture)
    }
    #expect(try again().scores["mine"]![.psnrY] == 1000)
    let more = try again(["mine", "other"])
    #expect(more.scores["mine"]![.psnrY] == 1000 && more.scores["other"]![.psnrY]! < 100)

    try scratch.write(waves(64, 48, shift: 3), "mine/a.png")
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: 5)], ofItemAtPath: scratch("mine/a.png"))
    #expect(try again().scores["mine"]![.psnrY]! < 100)
    #expect(try again(["other"]).scores["mine"] == nil)
  }

  @Test func foldersThatAreRefused() throws {
    func message(_ body: () throws -> Void) -> String {
      do {
        try body()
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(message { _ = try PictureFolder(scratch("none")) }.contains("none: no such folder"))
    try scratch.write(waves(8, 8), "two/a.png")
    try scratch.write(waves(8, 8), "two/a.jpg")
    #expect(message { _ = try PictureFolder(scratch("two")) }.contains("a.jpg and a.png"))
    try FileManager.default.removeItem(atPath: scratch("two/a.jpg"))
    try FileManager.default.createSymbolicLink(
      atPath: scratch("mine"), withDestinationPath: scratch("two"))
    #expect(message { _ = try comparison(["mine", "mine"], reference: false) }.contains("'mine'"))
    #expect(message { _ = try comparison(reference: false) }.contains("without references"))
  }

  @Test func reportFolders() throws {
    let report = try EvaluationReport.made(["a"], [.psnrY], [["a": [.psnrY: 20]]])
    func open(_ name: String, border: Int = 0, overwrite: Bool = false) throws -> ReportFolder {
      var settings = report.settings
      settings.border = border
      return try ReportFolder(scratch(name), settings: settings, overwrite: overwrite)
    }
    func refusal(_ name: String, border: Int = 0, overwrite: Bool = false) -> String {
      do {
        _ = try open(name, border: border, overwrite: overwrite)
        return "no error"
      } catch { return "\(error)" }
    }
    let folder = try open("new/report")
    #expect(folder.earlier == nil)
    try folder.write(report) { _, _ in nil }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        == ["index.html", "report.csv", "report.json"])
    #expect(try open("new/report").earlier?.pictures.count == 1)
    #expect(try open("new/report", overwrite: true).earlier == nil)
    #expect(refusal("new/report", border: 4).contains("border 0, now 4"))

    try Data("{}".utf8).write(to: URL(fileURLWithPath: scratch("new/report/report.json")))
    #expect(refusal("new/report").contains("no report of this version"))
    try scratch.write(waves(8, 8), "photos/a.png")
    #expect(refusal("photos", overwrite: true).contains("holds no report"))
    #expect(refusal("photos/a.png").contains("is a file"))
    #expect(refusal("photos/a.png/report").contains("cannot be created"))
  }
}
