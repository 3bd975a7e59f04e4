import Foundation
import Imaging
import TestSupport
import Testing

/// Standard input, output and error.
@Suite(.serialized, .ownThreads) struct StreamTests {
  private let folder = try! ScratchFolder()

  @Test func aPictureComesFromAndGoesToStreams() throws {
    try folder.write(scene(12, 8), "a.png")
    let piped = try Command.shell(
      "cat a.png | $NSARM upscale --model $MODEL - -o - --format png > b.png", in: folder.path)
    #expect(piped.status == 0, "\(piped.errors)")
    #expect(piped.errors.contains("standard output: 12x8 -> 48x32"))
    let file = try Command.upscale(folder("a.png"), "-o", folder("c.png"))
    #expect(file.status == 0, "\(file.errors)")
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: folder("b.png")))
        == Data(contentsOf: URL(fileURLWithPath: folder("c.png"))))
    #expect(
      try Command.shell(
        "$NSARM upscale --model $MODEL a.png -o - > d.png", in: folder.path
      ).status == 0)
    #expect(try ImageFile.read(folder("d.png")).width == 48)
    let named = try Command.shell(
      "$NSARM upscale --model $MODEL - -o e.png --json < a.png", in: folder.path)
    #expect(named.status == 0 && named.output.contains("\"input\":\"standard input\""))
  }

  @Test(arguments: [
    ("- -o - < a.png", 64, "--format"), ("- < a.png", 64, "-o"), ("- -o out < a.png", 64, "out/"),
    ("- -o x.png < /dev/null", 1, "standard input: the file is empty"),
    ("a.png -o - --json", 64, "--json"), ("a.png -o - --pages", 64, "--pages"),
    ("a.png a.png -o -", 64, "one file"),
    ("a.png -o ''", 64, "-o is empty"), ("''", 64, "an input is empty"),
    ("a.png --model ''", 64, "--model is empty"),
  ])
  func streamsThatDoNotFit(_ arguments: String, _ status: Int, _ words: String) throws {
    try folder.write(scene(8, 8), "a.png")
    let result = try Command.shell(
      "$NSARM upscale --model $MODEL \(arguments)", in: folder.path)
    #expect(result.status == Int32(status) && result.errors.contains(words), "\(result.errors)")
    #expect(result.output == "" && folder.contents == ["a.png"])
  }

  @Test(arguments: [
    "upscale a.png --json --overwrite", "upscale a.png --overwrite", "upscale a.png -o -",
    "info $MODEL", "info $MODEL --json", "compare a.png a.png -o c.png --overwrite", "--help",
    "--version", "bench --only peak --time 0.001 --json",
  ])
  func resultsThatCannotBeWrittenAreNoticed(_ command: String) throws {
    try folder.write(scene(8, 8), "a.png")
    let result = try Command.shell("$NSARM \(command) > /dev/full", in: folder.path)
    #expect(result.status == 1, "\(result.errors)")
    #expect(result.errors.contains("error: standard output: cannot be written"))
    let closed = try Command.shell("$NSARM \(command) >&-", in: folder.path)
    #expect(closed.status == 1, "\(closed.errors)")
  }

  @Test func aReaderThatGoesEndsTheCommandQuietly() throws {
    for name in ["a", "b", "c"] { try folder.write(scene(8, 8), "in/\(name).png") }
    let result = try Command.shell(
      "{ $NSARM upscale --model $MODEL in -o out; echo $? >&2; } | true", in: folder.path)
    #expect(result.errorLines == ["141"])
    #expect(folder.contents.allSatisfy { !$0.contains(".nsarm-") })
    let deaf = try Command.shell(
      "$NSARM upscale --model $MODEL nothing 2>/dev/full; echo $?", in: folder.path)
    #expect(deaf.output == "1\n")
  }
}
