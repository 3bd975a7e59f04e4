import Foundation
import TestSupport
import Testing

/// Compares the targets in Package.swift and in the documentation with the imports of the sources.
@Suite struct ImportTests {
  private let root = Fixture.packageRoot

  private func text(_ path: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  private func sources(_ folder: String) -> [String] {
    (FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)?
      .compactMap { $0 as? String } ?? []).map { "\(folder)/\($0)" }.sorted()
  }

  /// The targets in Sources with the targets and products that they declare to depend on.
  private func targets() throws -> [String: Set<String>] {
    let package = try text("Package.swift")
    let target = #/\.(?:executableTarget|target)\(\s*name: "(\w+)"([^;]*?)(?=\n    \.|\n  \],)/#
    var result: [String: Set<String>] = [:]
    for match in package.matches(of: target) where !match.2.contains("path:") {
      let list = match.2.firstMatch(of: #/dependencies: \[([^\]]*)\]/#)?.1 ?? ""
      // Of .product(name: "Yams", package: "Yams") the first name is the module.
      let names = list.replacing(#/, package: "[\w-]+"/#, with: "").matches(of: #/"(\w+)"/#)
      result[String(match.1)] = Set(names.map { String($0.1) })
    }
    return result
  }

  private func imports(of target: String) throws -> Set<String> {
    var result: Set<String> = []
    for file in sources("Sources/\(target)") where file.hasSuffix(".swift") {
      for match in try text(file).matches(of: #/(?m)^(?:@\w+ )?import (?:\w+ )?(\w+)/#) {
        result.insert(String(match.1))
      }
    }
    return result
  }

  @Test func importsAreWhatThePackageDeclares() throws {
    let targets = try targets()
    #expect(targets.count > 10 && targets["NSARMCommand"]?.contains("Upscaling") == true)
    let own = Set(targets.keys).union(["ArgumentParser", "Yams", "CTorch", "CVips"])
    for (target, declared) in targets {
      let imported = try imports(of: target).intersection(own).subtracting([target])
      guard !imported.isEmpty || target == "Files" else { continue }  // C has no imports
      #expect(imported == declared.intersection(own), "\(target)")
    }
  }

  /// The rows of the architecture's table depend on rows above them only.
  @Test func theArchitectureIsThePackages() throws {
    let targets = try targets()
    let document = try text("Documentation/architecture.md")
    let rows = document.matches(of: #/(?m)^\| `(\w+)`[^|]*\|[^|]*\|/#).map { String($0.1) }
    for (index, row) in rows.enumerated() {
      guard let declared = targets[row] else { continue }
      let below = declared.intersection(rows[index...])
      #expect(below.isEmpty, "\(row) depends on \(below.sorted()), which come later")
    }
    let missing = Set(targets.keys).subtracting(rows)
    #expect(missing.isEmpty, "the table lacks \(missing.sorted())")
  }

  /// Only these may know of training, and only these of picture files.
  @Test func roomsAreKept() throws {
    let targets = try targets()
    let training = targets.filter { $0.value.contains("Training") }.map(\.key)
    #expect(training == ["NSARMCommand"])
    for file in sources("Sources/NSARMCommand") {
      guard file.hasSuffix(".swift"), try text(file).contains("import Training\n") else { continue }
      #expect(
        file.contains("Train") || file.hasSuffix("/Remedies.swift"), "\(file) imports Training")
    }
    for target in ["Torch", "Checkpoints", "NSARM"] {
      #expect(targets[target]?.isDisjoint(with: ["Imaging", "CVips"]) == true, "\(target)")
    }
  }

  /// See `parentFolder(of:)`. The method of `URL` is another one.
  @Test func theCrashOfFoundationIsAvoided() throws {
    for file in sources("Sources") where file.hasSuffix(".swift") {
      let code = try text(file).split(separator: "\n").filter { !$0.contains("///") }
      #expect(
        !code.contains { $0.contains(#/\.deletingLastPathComponent(?!\()/#) },
        "\(file): parentFolder(of:) takes names of one character, too")
    }
  }

  /// A limit for files that have grown over years, not a size to cut a concept to.
  @Test func filesAreNoBooks() throws {
    let folders = ["Sources", "Tests"]
    for file in folders.flatMap(sources) {
      guard [".swift", ".cpp", ".c", ".h"].contains(where: file.hasSuffix) else { continue }
      let lines = try text(file).split(separator: "\n", omittingEmptySubsequences: false).count - 1
      #expect(lines <= 500, "\(file) has \(lines) lines")
    }
  }
}
