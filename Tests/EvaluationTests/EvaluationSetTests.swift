import Foundation
import Imaging
import TestSupport
import Testing

@testable import Evaluation

@Suite struct EvaluationSetTests {
  private let scratch = try! ScratchFolder()

  private func files(_ names: String...) throws {
    for name in names { try scratch.write(waves(16, 16), name) }
  }

  private func problem(_ body: () throws -> EvaluationSet) -> String {
    do { return "none: \(try body().items)" } catch { return "\(error)" }
  }

  /// Names, and whether there are input and original.
  private func summary(_ set: EvaluationSet) -> [String] {
    set.items.map { "\($0.name) \($0.input == nil ? "" : "L")\($0.original == nil ? "" : "H")" }
  }

  @Test(arguments: [
    ["LR/a.png", "HR/a.png"], ["lr/a.png", "hr/a.jpg"], ["lq/a.png", "gt/a.png"],
    ["test_LR/a.png", "test_HR/a.png"], ["Test_x4/test_LR/a_x1.png", "Test_x4/test_HR/a_x4.png"],
    ["DIV2K_valid_LR_bicubic/X4/ax4.png", "DIV2K_valid_HR/a.png"], ["a_LR4.png", "a_HR.png"],
    ["Canon/Test/4/a_LR4.png", "Canon/Test/4/a_HR.png"],
  ])
  func pairsOfPublishedLayouts(names: [String]) throws {
    for name in names { try files(name) }
    let set = try EvaluationSet.inputs(in: scratch.path)
    #expect(summary(set) == ["a LH"])
    #expect(set.items[0].input == scratch(names[0]) && set.items[0].original == scratch(names[1]))
    let originals = try EvaluationSet.originals(in: scratch.path)
    #expect(originals.items.map(\.original) == [scratch(names[1])])
    #expect(originals.items[0].input == nil)
  }

  @Test func camerasAreOneSet() throws {
    try files(
      "Canon/Test/4/Canon_001_HR.png", "Canon/Test/4/Canon_001_LR4.png",
      "Nikon/Test/4/Nikon_001_LR4.png", "Nikon/Test/4/Nikon_001_HR.png",
      "Canon/Train/4/Canon_002_HR.png")
    let set = try EvaluationSet.inputs(in: scratch.path)
    #expect(summary(set) == ["Canon_001 LH", "Nikon_001 LH"])
  }

  @Test func picturesWithoutFolders() throws {
    try files("lr-b.png", "lr-a.png", "hr-c.png", "hr-d_x2.png")
    let inputs = try EvaluationSet.inputs(in: scratch.path, prefix: "lr-")
    #expect(summary(inputs) == ["lr-a L", "lr-b L"])
    let originals = try EvaluationSet.originals(in: scratch.path, prefix: "hr-")
    #expect(summary(originals) == ["hr-c H", "hr-d_x2 H"])
    #expect(problem { try .inputs(in: scratch.path, prefix: "x-") }.contains("named x-*"))
  }

  @Test func inputsMayComeWithoutOriginals() throws {
    try files("LQ/a.png", "LQ/b.png")
    #expect(summary(try .inputs(in: scratch.path)) == ["a L", "b L"])
    #expect(problem { try .originals(in: scratch.path) }.contains("originals are expected there"))
  }

  @Test func mistakesAreNamed() throws {
    let missing = problem { try .inputs(in: scratch("nothing")) }
    #expect(missing.hasPrefix("\(scratch("nothing")): no such folder"))
    #expect(missing.contains("Canon/Test/4/*_LR4.png") && missing.contains("DIV2K_valid_HR"))
    try files("LR/a.png", "LR/b.png", "HR/a.png")
    #expect(problem { try .inputs(in: scratch.path) }.contains("LR/b.png: 0 originals"))
    try files("Canon/Test/4/a_LR4.png")
    try files("HR/b.png")
    #expect(problem { try .inputs(in: scratch.path) }.contains("have the same name"))
  }
}
