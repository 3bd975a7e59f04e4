import Foundation
import TestSupport
import Testing

/// Every block of Swift that the documentation shows is compiled, and run.
@Suite struct SwiftBlockTests {
  /// Where such code may stand: programs that `SnippetTests` runs, the manifest of the examples
  /// and, for quotations, the sources themselves, without their comments.
  private static let compiled: [(file: String, lines: [String])] = {
    Documents.files(["Examples", "Tests/DocumentationSnippets", "Sources"], ".swift").map { file in
      let lines = try! Documents.lines(file)
      guard file.hasPrefix("Sources/") else { return (file, lines) }
      return (file, lines.filter { !$0.drop(while: \.isWhitespace).hasPrefix("///") })
    }
  }()

  private func isCompiled(_ code: SwiftLines) -> Bool {
    let (imports, body) = code.parts
    return Self.compiled.contains { file in
      imports.allSatisfy(file.lines.contains) && body.stand(in: file.lines)
    }
  }

  @Test func everyBlockStandsInAProgram() throws {
    let root = try FileManager.default.contentsOfDirectory(atPath: Fixture.packageRoot.path)
    let documents =
      root.filter { $0.hasSuffix(".md") }
      + Documents.files(["Documentation", "Examples", "Models", "Sources"], ".md", ".swift")
    let blocks = try documents.flatMap(SwiftBlock.all)
    #expect(blocks.count > 15 && blocks.contains { $0.file == "README.md" })
    #expect(blocks.contains { $0.file.hasSuffix(".docc/GettingStarted.md") })
    for block in blocks {
      #expect(isCompiled(block.code), "\(block): its code is in no program that is run")
    }
  }

  @Test func codeIsComparedLineByLine() {
    let file = ["import A", "func f() {", "  let a = 1", "", "  if a > 0 {", "    g()", "  }", "}"]
    func found(_ lines: String...) -> Bool { SwiftLines(lines).stand(in: file) }
    #expect(found("let a = 1", "", "if a > 0 {", "  g()"))
    #expect(found("    if a > 0 {", "      g()", "    }"))
    #expect(!found("let a = 1", "if a > 0 {"))
    #expect(!found("a = 1"))
    #expect(!found("if a > 0 {", "g()"))
    #expect(!found("let a = 2"))
    let (imports, body) = SwiftLines(["import A", "import B", "", "let a = 1"]).parts
    #expect(imports == ["import A", "import B"] && body.lines == ["let a = 1"])
  }
}
