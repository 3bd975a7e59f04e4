import Foundation
import TestSupport
import Testing

/// `make install`: a program that needs neither this folder nor this user's home.
@Suite(.ownThreads) struct InstallTests {
  private let script = Fixture.packageRoot.appendingPathComponent("scripts/install").path

  /// - Returns: the exit status, and what was written to standard output and error.
  private func run(_ path: String, _ arguments: [String], clean: Bool) throws -> (Int32, String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    if clean { process.environment = ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"] }
    process.currentDirectoryURL = URL(fileURLWithPath: "/")
    let output = Pipe()
    (process.standardOutput, process.standardError) = (output, output)
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }

  @Test func theInstalledProgramStandsAlone() throws {
    let folder = try ScratchFolder()
    for _ in 0..<2 {  // a second run replaces the first
      let (status, text) = try run(script, [folder("usr")], clean: false)
      #expect(status == 0, "\(text)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder("usr/lib")) == ["nsarm"])
    let completion = folder("usr/share/bash-completion/completions/nsarm")
    #expect(try run("/bin/bash", ["-n", completion], clean: true).0 == 0)
    #expect(try String(contentsOfFile: completion, encoding: .utf8).contains("--skip-existing"))
    let (status, text) = try run(folder("usr/bin/nsarm"), ["info", "nano"], clean: true)
    #expect(status == 0 && text.contains("nano"), "\(text)")
    let manual = Fixture.packageRoot.appendingPathComponent("scripts/man-pages").path
    let pages = folder("usr/share/man/man1")
    if try run("/usr/bin/env", ["python3", "--version"], clean: true).0 == 0 {
      let names = try FileManager.default.contentsOfDirectory(atPath: pages)
      #expect(names.contains("nsarm.1") && names.contains("nsarm-upscale.1") && names.count > 9)
      let upscale = try String(contentsOfFile: pages + "/nsarm-upscale.1", encoding: .utf8)
      #expect(upscale.contains(".It Fl \\-skip\\-existing\n"))
      let wrong = try run(manual, ["/bin/false", folder("manual")], clean: true)
      #expect(wrong.0 == 1 && wrong.1.hasPrefix("man-pages: /bin/false"), "\(wrong.1)")
      if FileManager.default.isExecutableFile(atPath: "/usr/bin/mandoc") {
        let files = names.map { "\(pages)/\($0)" }
        let (status, text) = try run(
          "/usr/bin/mandoc", ["-T", "lint", "-W", "warning"] + files, clean: true)
        #expect(status == 0 && text.isEmpty, "\(text)")
      }
    }
    let libraries = try run("/usr/bin/ldd", [folder("usr/lib/nsarm/libCTorch.so")], clean: true).1
    #expect(libraries.contains(folder("usr/lib/nsarm/libtorch_cpu.so")), "\(libraries)")
    let removed = try run(script, ["--remove", folder("usr")], clean: false)
    #expect(removed.0 == 0 && folder.contents.isEmpty, "\(removed.1) \(folder.contents)")
  }

  @Test func whatCannotBeWrittenIsSaid() throws {
    let folder = try ScratchFolder()
    try Data().write(to: URL(fileURLWithPath: folder("file")))
    let (status, text) = try run(script, [folder("file/usr")], clean: false)
    #expect(status == 1 && text.contains("cannot be written"), "\(text)")
  }
}
