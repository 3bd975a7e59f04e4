import Foundation
import Imaging
import TestSupport
import Testing

@testable import NSARMCommand

/// Options and their mistakes, of all commands: a message, never a signal.
@Suite(.serialized, .ownThreads) struct OptionTests {
  private let folder = try! ScratchFolder()

  @Test func theVersion() throws {
    let result = try Command.run(["--version"])
    let version = #/nsarm \d+\.\d+\.\d+(-dev)?(\+[0-9a-f]+(\.dirty)?)?\n/#
    #expect(result.status == 0 && result.output.wholeMatch(of: version) != nil)
    #expect(try Command.run(["upscale", "--version"]).output == result.output)
  }

  @Test(arguments: ["a.gif", "a.bmp"])
  func formatsThatCannotBeWritten(_ name: String) throws {
    try folder.write(scene(8, 8), "a.png")
    let format = name.suffix(3).uppercased()
    for command in [["upscale", folder("a.png")], ["compare", folder("a.png"), folder("a.png")]] {
      let result = try Command.run(command + ["-o", folder(name)])
      #expect(result.status == 1 && result.errorLines.count == 1)
      #expect(result.errors.contains("\(name): cannot write \(format)"))
    }
    #expect(folder.contents == ["a.png"])
  }

  @Test(arguments: [
    ("--tile 9223372036854775807", "--tile has to be 16 to"), ("--tile -1", "--tile has to be"),
    ("--scale -1", "--scale has to be 1 to 8"), ("--scale nan", "--scale has to be 1 to 8"),
    ("--seed -1", "0 to 18446744073709551615"), ("--quality -5", "--quality has to be"),
    ("--temperature 1e308", "--temperature has to be"), ("--max-pixels 0", "--max-pixels"),
    ("--threads -3", "--threads has to be at least 1"),
    ("--threads 99999999999999999999", "--threads"),
  ])
  func rangesAreTold(_ options: String, _ words: String) throws {
    try folder.write(scene(8, 8), "a.png")
    let result = try Command.shell(
      "$NSARM upscale --model $MODEL a.png \(options)", in: folder.path)
    #expect(result.status == 64 && result.errors.hasPrefix("error: "), "\(result.errors)")
    #expect(result.errors.contains(words) && !result.errors.contains("Unknown option"))
  }

  @Test func moreThreadsThanCoresAreTooMany() throws {
    try folder.write(scene(8, 8), "a.png")
    let result = try Command.run(
      ["upscale", "--model", Command.model, folder("a.png"), "--threads", "3000000000"])
    #expect(result.status == 0 && result.errorLines.count == 1, "\(result.errors)")
    #expect(result.errors.contains("note: --threads 3000000000: this machine has"))
  }

  @Test func namesWithADash() throws {
    try folder.write(scene(8, 8), "-dash.png")
    try folder.write(scene(8, 8), "--two.png")
    let found = try Command.shell("$NSARM upscale --model $MODEL *.png", in: folder.path)
    #expect(found.status == 0, "\(found.errors)")
    #expect(folder.contents.sorted() == ["--two.png", "--two_x4.png", "-dash.png", "-dash_x4.png"])
    let missing = try Command.shell("$NSARM upscale -dish.png", in: folder.path)
    #expect(missing.status == 64 && missing.errors.contains("./-dish.png"), "\(missing.errors)")
  }

  @Test func theOutputIsNotTheInput() throws {
    try folder.write(scene(8, 8), "a.png")
    symlink("a.png", folder("link.png"))
    for (output, more) in [("a.png", ""), ("./a.png", "--overwrite"), ("link.png", "--overwrite")] {
      let result = try Command.shell(
        "$NSARM upscale --model $MODEL a.png -o \(output) \(more)", in: folder.path)
      #expect(result.status == 1 && result.errors.contains("the output would replace the input"))
    }
    #expect(try ImageFile.open(folder("a.png")).width == 8)
  }

  @Test func theLimitOfPixels() throws {
    try folder.write(scene(20, 10), "a.png")
    let refused = try Command.upscale(folder("a.png"), "--max-pixels", "199")
    #expect(refused.status == 1 && refused.errors.contains("--max-pixels 200 allows it"))
    #expect(try Command.upscale(folder("a.png"), "--max-pixels", "200").status == 0)
    // Beyond the limit of the sides that holds without the option.
    let file = try folder.write(
      "long.pgm", Array("P5 70000 1 255\n".utf8) + [UInt8](repeating: 9, count: 70000))
    let long = try Command.upscale(file, "-o", folder("x.jpg"))
    #expect(long.status == 1 && long.errors.contains("--max-pixels 70000 allows it"))
    let allowed = try Command.upscale(file, "-o", folder("x.jpg"), "--max-pixels", "70000")
    #expect(allowed.status == 1 && allowed.errors.contains("JPEG supports at most"))
  }

  private static let hostile = [
    "9223372036854775807", "-9223372036854775808", "99999999999999999999", "1e400", "-1", "nan",
    "-inf", "", "x", "=", "--x", "\u{1}", "../..",
  ]

  /// Parsing never traps, whatever the value.
  @Test(arguments: [
    (
      "upscale a",
      "--scale --seed --temperature --tile --threads --quality --max-bytes --max-pixels --color --width --height --long-side --megapixels --suffix --name"
    ),
    ("upscale a", "--format --model --device --precision -o"),
    ("info", "--threads --device --precision"), ("compare a b -o c", "--crop --quality --label"),
    ("evaluate --restored a -o b", "--border --crop --limit --method --threads"),
    ("benchmark a -o b", "--threads --method --peer --variants --data"),
    ("calibrate a b", "--limit --crop --threads"),
    ("bench", "--size --time --operators --only --threads --data"),
  ])
  func hostileValuesAreParsed(_ command: String, _ options: String) {
    for option in options.split(separator: " ") {
      for value in Self.hostile {
        let arguments = command.split(separator: " ") + [option] + [Substring(value)]
        _ = try? NSARMCommand.parseAsRoot(arguments.map(String.init))
      }
    }
  }

  /// The values that parsing lets pass are no trap later.
  @Test(arguments: [
    "upscale a.png --seed 18446744073709551615 --max-pixels 9223372036854775807 --tile 65500",
    "upscale a.png --temperature 100 --scale 8", "upscale a.png --temperature 1e-320 --scale 1",
    "info --threads 9223372036854775807", "info ''", "info none/none",
    "compare a.png a.png -o c.png --crop 9223372036854775807x1+9223372036854775807+0",
    "compare a.png a.png -o c.png --label '' --quality 1", "compare a.png a.png -o ''",
    "evaluate --restored . -o r --border 9223372036854775807 --crop 9223372036854775807",
    "evaluate --restored . -o r --limit 9223372036854775807 --method a=.",
    "benchmark sets.yaml -o b --no-model --method a=none --peer 'a=cp {input} {output}'",
    "benchmark none.yaml -o b", "benchmark a.png -o b", "verify ''", "verify none/none", "verify .",
    "verify a.png", "verify a.png sets.yaml", "verify a.png a.png",
    "calibrate none a.png --limit 9223372036854775807",
    "calibrate none a.png --crop 9223372036854775807", "bench --model none --size 8192x8192",
  ])
  func hostileValuesAreNoTrap(_ command: String) throws {
    try folder.write(scene(40, 40), "a.png")
    _ = try folder.write("sets.yaml", Array("sets: []\n".utf8))
    let result = try Command.shell("exec $NSARM \(command) < /dev/null", in: folder.path)
    #expect([0, 1, 64].contains(result.status), "\(result.errors)")
    #expect(result.status == 0 || result.errors.contains("error: "), "\(result.errors)")
  }
}
