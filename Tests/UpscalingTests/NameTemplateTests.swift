import Foundation
import Imaging
import TestSupport
import Testing

@testable import Upscaling

@Suite struct NameTemplateTests {
  private func files(_ paths: String...) -> [PictureFiles.File] {
    paths.map { PictureFiles.File(path: "in/\($0)", relativePath: $0) }
  }

  private static let details = NameTemplate.Details(
    scale: 8.0 / 3, model: "a/b", width: 80, height: 60)

  private static func filled(_ template: NameTemplate, _ name: String) -> String {
    template.text(name: name, page: "002", index: "07", details)
  }

  @Test(arguments: [
    ("{name}", "photo"), ("{name}-{width}x{height}", "photo-80x60"), ("x", "x"),
    ("{index} {name}{name}", "07 photophoto"), ("{model}_{scale}_p{page}", "a-b_2.67_p002"),
  ])
  func placeholdersAreFilled(_ text: String, _ result: String) throws {
    #expect(try Self.filled(NameTemplate(text), "photo") == result)
  }

  @Test func mistakesAreNamed() {
    let known = "{name}, {scale}, {model}, {width}, {height}, {page}, {index}"
    for (text, words) in [
      ("", "empty"), ("a/b", "'/'"), ("../{name}", "'/'"), ("a\0b", "'/'"),
      ("{nme}", "'{nme}' is no placeholder; there are \(known)"), ("{}", "'{}' is no placeholder"),
      ("{Name}", "no placeholder"), ("{name", "brace"), ("name}", "brace"),
      ("{{name}}", "no place"),
      ("{name}.webp", "extension"), ("{name}.JPG", "extension"), ("{name}.gif", "extension"),
    ] {
      #expect {
        _ = try NameTemplate(text)
      } throws: { error in
        error is NameTemplateError && "\(error)".contains(words)
      }
    }
    #expect(throws: NameTemplateError.empty) { try NameTemplate(suffix: "") }
    #expect(throws: NameTemplateError.folder("_/")) { try NameTemplate(suffix: "_/") }
    #expect(throws: NameTemplateError.extension(".png")) { try NameTemplate(suffix: ".png") }
    #expect(throws: Never.self) { try NameTemplate(suffix: "_{x}") }
  }

  /// What a template makes of an input is known again, and of nothing else.
  @Test(arguments: [
    "{name}_big", "big_{name}", "{name}-{width}x{height}", "{index}-{name}-{model}",
    "{name}{scale}",
    "{page}{name}", "{name}-{name}",
  ])
  func outputsAreKnownAgain(_ text: String) throws {
    let template = try NameTemplate(text)
    for name in ["a", "photo", "a-b-80x60", "_big", "1", "7-a-b", "ä b", "a_big"] {
      let output = Self.filled(template, name)
      #expect(template.canMake(output) { $0 == name }, "\(output)")
      #expect(template.canMake(output + "_p0123") { $0 == name }, "\(output)")
      #expect(!template.canMake(output) { _ in false })
      #expect(!template.canMake("?" + output) { $0 == name })
      #expect(!template.canMake(output) { $0 == output }, "nothing is made of itself")
      #expect(!NameTemplate.name.canMake(name) { _ in true }, "nor by its own name")
    }
    #expect(!(try NameTemplate("{index}").canMake("7") { _ in true }), "without a name")
  }

  @Test func namesInFolders() throws {
    let inputs = files("a.jpg", "sub/b.gif", "c.d.png")
    let template = try NameTemplate("{index}-{name}_{width}")
    func plan(_ target: BatchPlan.Target) -> [String] {
      BatchPlan(
        inputs, to: target, named: template, details: { path, _ in .init(width: path.utf8.count) }
      ).items.map(\.output)
    }
    #expect(plan(.folder("out")) == ["out/1-a_8.jpg", "out/sub/2-b_12.png", "out/3-c.d_10.png"])
    #expect(plan(.beside(suffix: "")) == ["in/1-a_8.jpg", "in/sub/2-b_12.png", "in/3-c.d_10.png"])
    let many = BatchPlan(
      (1...10).map { .init(path: "\($0).png", relativePath: "\($0).png") }, to: .folder("out"),
      named: try NameTemplate("{index}"))
    #expect(many.items.first?.output == "out/01.png" && many.items.last?.output == "out/10.png")
  }

  @Test func pagesAndFailures() throws {
    let inputs = files("a.tif", "b.tif", "bad.tif")
    func plan(_ text: String) throws -> BatchPlan {
      BatchPlan(inputs, to: .folder("out"), named: try NameTemplate(text)) { path in
        path == "in/a.tif" ? 2 : 1
      } details: { path, page in
        if path == "in/bad.tif" { throw ImagingError.empty(path: path) }
        return .init(width: 100 + (page ?? 0))
      }
    }
    let paged = try plan("{name}-{page}")
    #expect(
      paged.items.map(\.output) == ["a-001", "a-002", "b-001", "bad-001"].map { "out/\($0).tif" })
    let wide = try plan("{name}-{width}")
    #expect(
      wide.items.map(\.output) == ["a-100_p001", "a-101_p002", "b-100"].map { "out/\($0).tif" })
    #expect(wide.failures.map(\.input) == ["in/bad.tif"])
    let clash = try plan("{width}")
    #expect(clash.items.count == 3, "the pages have marks, b has none")
    let same = BatchPlan(
      files("a.png", "b.png", "c.png", "d.png", "e.png"), to: .folder("out"),
      named: try NameTemplate("x"))
    #expect(same.items.isEmpty && same.failures.count == 5)
    #expect("\(same.failures[4].error)".contains("in/c.png and 2 others: would be written to one"))
  }

  @Test func outputsOfEarlierRunsAreNoInputs() throws {
    let folder = try ScratchFolder()
    for name in ["a.jpg", "a_big.png", "a_big_p002.png", "alone_big.png", "a_x4.png", "b_1.png"] {
      _ = try folder.write(name, [1])
    }
    let inputs = BatchInputs(
      [folder.path], leavesOutOutputs: true, named: try NameTemplate(suffix: "_big"))
    #expect(inputs.files.map(\.relativePath) == ["a.jpg", "alone_big.png", "b_1.png"])
    #expect(inputs.earlierOutputCount == 3)
  }
}
