import Foundation
import TestSupport
import Testing

/// The user's own defaults.
@Suite(.ownThreads) struct DefaultsFileTests {
  private let scratch = try! ScratchFolder()

  private func run(_ defaults: String, _ arguments: String...) throws -> Command.Result {
    _ = try scratch.write("config.yaml", Array(defaults.utf8))
    if !FileManager.default.fileExists(atPath: scratch("a.png")) {
      try scene(8, 6).write(to: scratch("a.png"))
    }
    return try Command.run(
      ["upscale", scratch("a.png"), "--dry-run"] + arguments,
      environment: ["NSARM_CONFIG": scratch("config.yaml")])
  }

  @Test func theCommandLineHasTheLastWord() throws {
    let defaults = "upscale:\n  format: webp\n  scale: 2\n  max_memory: 6G\n  overwrite: false\n"
    let two = try run(defaults)
    #expect(two.status == 0, "\(two.errors)")
    #expect(two.output.contains("a_x2.webp: 8x6 -> 16x12"), "\(two.output)")
    let three = try run(defaults, "--scale", "3")
    #expect(three.output.contains("a_x3.webp: 8x6 -> 24x18"), "\(three.output)")
    let json = try run("upscale: {json: true}\ninfo:\n")
    #expect(json.output.hasPrefix("{"))
  }

  /// What excludes a default is no mistake on the command line.
  @Test func defaultsGiveWayToWhatExcludesThem() throws {
    let width = try run("upscale: {scale: 2, skip-existing: true}", "--width", "24")
    #expect(width.status == 0 && width.output.contains("8x6 -> 24x18"), "\(width.errors)")
    let scale = try run("upscale: {long-side: 20}", "--scale=3", "--overwrite")
    #expect(scale.status == 0 && scale.output.contains("8x6 -> 24x18"), "\(scale.errors)")
    let overwrite = try run("upscale: {skip-existing: true, width: 16}", "--overwrite")
    #expect(overwrite.status == 0 && overwrite.output.contains("-> 16x12"), "\(overwrite.errors)")
    let name = try run("upscale: {suffix: _big}", "--name", "{name}-large")
    #expect(name.status == 0 && name.output.contains("a-large.png"), "\(name.errors)")
    let both = try run("upscale: {width: 16, height: 16}")
    #expect(both.status == 64 && both.errors.contains("config.yaml"), "\(both.errors)")
  }

  @Test func whereItIsLookedFor() throws {
    try FileManager.default.createDirectory(
      atPath: scratch("home/.config/nsarm"), withIntermediateDirectories: true)
    _ = try scratch.write("home/.config/nsarm/config.yaml", Array("upscale: {scale: 2}".utf8))
    try scene(8, 6).write(to: scratch("a.png"))
    let script = "unset NSARM_CONFIG XDG_CONFIG_HOME; HOME=home \"$NSARM\" upscale a.png --dry-run"
    let found = try Command.shell(script, in: scratch(""))
    #expect(found.output.contains("a_x2.png"), "\(found.output) \(found.errors)")
  }

  @Test(arguments: [
    ("upscale:\n  sclae: 2", "Unknown option '--sclae"),
    ("upscale: {scale: 20}", "--scale has to be"),
    ("upscale: 3", "holds no options"), ("upscale: {scale: {a: 1}}", "'upscale.scale' is no value"),
    ("upscle: {scale: 2}", "'upscle' is no subcommand"), ("a: [", "is not valid YAML"),
    ("7", "holds no keys"), ("- upscale", "holds no keys"),
  ])
  func mistakesNameTheFile(_ defaults: String, _ message: String) throws {
    let result = try run(defaults)
    #expect(result.status == 64 && result.errors.contains(message), "\(result.errors)")
    #expect(result.errors.contains(scratch("config.yaml")), "\(result.errors)")
  }

  @Test(arguments: [
    "", " \n\n", "# upscale:\n#   scale: 2\n", "\u{FEFF}", "\u{FEFF}# nothing\n", "---\n",
    "---\n...\n",
    "\t\n", "\r\n \r\n", "~",
  ])
  func anEmptyFileHasNoDefaults(_ defaults: String) throws {
    let result = try run(defaults)
    #expect(result.status == 0 && result.output.contains("a_x4.png"), "\(result.errors)")
  }

  @Test func aMarkOfTheOrderOfBytes() throws {
    #expect(try run("\u{FEFF}upscale: {scale: 2}").output.contains("a_x2.png"))
  }

  @Test func mistakesOfTheCommandLineComeFirst() throws {
    let result = try run("upscale: {scale: 2}", "--sclae", "3")
    #expect(result.status == 64 && !result.errors.contains("config.yaml"), "\(result.errors)")
    _ = try scratch.write("latin", [0xFF, 0xFE, 0x00])
    for path in [scratch("none.yaml"), scratch("latin")] {
      let missing = try Command.run(["info"], environment: ["NSARM_CONFIG": path])
      #expect(missing.status == 64 && missing.errors.contains("cannot be read"))
    }
  }
}
