import Foundation
import Imaging
import TestSupport
import Testing

/// What is loaded when, and what is said where it is missing.
@Suite(.ownThreads) struct StartTests {
  /// The libraries that the command loads, as glibc's loader tells.
  private func loaded(_ arguments: [String]) throws -> Set<String> {
    let result = try Command.run(arguments, environment: ["LD_DEBUG": "files"])
    let lines = result.errors.matches(of: #/calling init: (?:\S*/)?(\S+?)\.so/#)
    return Set(lines.map { String($0.1) })
  }

  private static let costly: Set = [
    "libCTorch", "libtorch_cpu", "libCVips", "libvips", "libgomp",
  ]

  @Test(arguments: [
    ["--version"], ["--help"], ["upscale", "--help"], ["--generate-completion-script", "bash"],
    ["upscale", "--no-such-option"], ["upscale", "photo.jpg", "--scale", "99"],
    ["serve", "--help"],
  ])
  func whatNeedsNoTensorsLoadsNoLibtorch(_ arguments: [String]) throws {
    let libraries = try loaded(arguments)
    #expect(libraries.contains("libFoundation"))
    #expect(libraries.isDisjoint(with: Self.costly), "\(libraries.sorted())")
  }

  @Test func whatNeedsThemLoadsThem() throws {
    let libraries = try loaded(["info", Command.model])
    #expect(libraries.isSuperset(of: ["libCTorch", "libtorch_cpu", "libgomp"]))
    #expect(!libraries.contains("libvips"))
  }

  /// Modules of libvips for documents and the like are not loaded, those for AVIF where it is asked
  /// for.
  @Test func modulesAreLoadedForTheirFormats() throws {
    let folder = try ScratchFolder()
    try scene(24, 16).write(to: folder("a.png"))
    let plain = try loaded(["upscale", folder("a.png"), "--dry-run"])
    #expect(plain.contains("libvips") && !plain.contains("libtorch_cpu"))
    #expect(plain.allSatisfy { !$0.hasPrefix("vips-") })
    guard ImageFormat.avif.isWritable else { return }
    try scene(24, 16).write(to: folder("b.avif"))
    let modern = try loaded(["upscale", folder("b.avif"), "--dry-run"])
    #expect(modern.contains("vips-heif") && !modern.contains("vips-poppler"))
  }

  /// The program alone in a folder, with those of its own libraries that `libraries` names.
  private func program(in folder: ScratchFolder, with libraries: String...) throws -> String {
    for name in ["nsarm"] + libraries {
      let file = Command.executable.deletingLastPathComponent().appendingPathComponent(name)
      try FileManager.default.copyItem(atPath: file.path, toPath: folder(name))
    }
    return folder("nsarm")
  }

  private func expectMissing(_ file: String, _ remedy: String, _ result: Command.Result) {
    #expect(result.status == 1 && result.output.isEmpty)
    #expect(result.errorLines.count == 1, "\(result.errors)")
    #expect(result.errors.contains(file) && result.errors.contains(remedy), "\(result.errors)")
  }

  @Test func aMissingLibraryIsNamed() throws {
    let folder = try ScratchFolder()
    let program = try program(in: folder, with: "libCVips.so")
    #expect(try Command.run(["--version"], program: program).status == 0)
    let picture = folder("a.png")
    try scene(24, 16).write(to: picture)
    for arguments in [
      ["info", Command.model], ["upscale", "--model", Command.model, picture],
      ["upscale", "--model", Command.model, "--threads", "1", picture],
      ["serve", "--model", Command.model, "--data", folder("data"), "--port", "0"],
      ["compare", picture, picture, "-o", folder("b.png")],
    ] {
      let result = try Command.run(arguments, program: program)
      expectMissing(folder("libCTorch.so") + ": no such file", "scripts/build-shim", result)
    }
    #expect(folder.contents.filter { $0.hasSuffix(".png") } == ["a.png"])
  }

  /// The library is there, libtorch is not, as after the removal of the folder that it was in.
  @Test func aMissingLibtorchIsNamed() throws {
    let folder = try ScratchFolder()
    let program = try program(in: folder, with: "libCTorch.so", "libCVips.so")
    let url = URL(fileURLWithPath: folder("libCTorch.so"))
    var bytes = try Data(contentsOf: url)
    let name = Data("\0libtorch_cpu.so\0".utf8)
    let place = try #require(bytes.range(of: name))
    bytes.replaceSubrange(place, with: Data("\0libtorch_not.so\0".utf8))
    try bytes.write(to: url)
    let result = try Command.run(["info", Command.model], program: program)
    expectMissing("libtorch_not.so", "scripts/setup", result)
  }

  @Test func aMissingImageLibraryIsNamed() throws {
    let folder = try ScratchFolder()
    let program = try program(in: folder, with: "libCTorch.so")
    #expect(try Command.run(["--version"], program: program).status == 0)
    try scene(24, 16).write(to: folder("a.png"))
    let result = try Command.run(
      ["upscale", "--model", Command.model, folder("a.png")], program: program)
    expectMissing(folder("libCVips.so"), "install libvips", result)
  }
}
