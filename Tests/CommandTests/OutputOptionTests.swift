import Foundation
import Imaging
import TestSupport
import Testing

/// `nsarm upscale`: how large the outputs are, in pixels and in bytes, and what they are called.
@Suite(.serialized, .ownThreads) struct OutputOptionTests {
  private let folder = try! ScratchFolder()

  private func objects(_ result: Command.Result) throws -> [[String: Any]] {
    try result.outputLines.map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as! [String: Any]
    }
  }

  private func bytes(_ name: String) throws -> Int { try Data(contentsOf: url(name)).count }

  private func url(_ name: String) -> URL { URL(fileURLWithPath: folder(name)) }

  @Test func filesOfALimitedSize() throws {
    try folder.write(scene(60, 40), "in/a.jpg")
    try folder.write(scene(60, 40), "in/b.webp")
    try folder.write(scene(60, 40), "in/c.png")
    let free = try Command.upscale(folder("in"), "-o", folder("free"), "--json")
    let qualities = try objects(free).map { $0["quality"] as? Int }
    #expect(free.status == 0 && qualities == [92, 92, nil], "\(free.errors)")
    let limit = try min(bytes("free/a.jpg"), bytes("free/b.webp")) * 3 / 4
    let refused = try Command.upscale(
      folder("in"), "-o", folder("out"), "--max-bytes", "\(limit)", "--json")
    #expect(refused.status == 1 && refused.errors.contains("c.png: PNG has no quality to lower"))
    for line in try objects(refused) where line["error"] == nil {
      let (output, quality) = (line["output"] as! String, line["quality"] as! Int)
      let size = try Data(contentsOf: URL(fileURLWithPath: output)).count
      #expect(size <= limit && (1..<92).contains(quality), "\(output)")
    }
    #expect(folder.contents.filter { $0.hasPrefix("out") } == ["out/a.jpg", "out/b.webp"])
    let text = try Command.upscale(
      folder("in/c.png"), "--max-bytes", "300", "--format", "jpeg", "-o", folder("c.jpg"))
    #expect(
      text.status == 1 && text.errors.contains("bytes at quality 1, more than the limit of 300"))
    #expect(!folder.contents.contains("c.jpg"))
    let told = try Command.upscale(
      folder("in/a.jpg"), "-o", folder("d.jpg"), "--max-bytes", "\(limit)")
    #expect(told.output.contains("60x40 -> 240x160, quality "), "\(told.output)")
  }

  @Test(arguments: [
    ("--width", "100", "_100w", 100, 67), ("--height", "100", "_100h", 150, 100),
    ("--long-side", "101", "_101l", 101, 67), ("--megapixels", "0.0096", "_0.0096mp", 120, 80),
  ])
  func sizesThatAreAskedFor(
    _ option: String, _ value: String, _ mark: String, _ width: Int, _ height: Int
  ) throws {
    try folder.write(scene(60, 40), "a.png")
    let planned = try Command.upscale(folder("a.png"), option, value, "--dry-run", "--json")
    let plan = try #require(try objects(planned).first, "\(planned.errors)")
    #expect(plan["width"] as? Int == width && plan["height"] as? Int == height)
    #expect(plan["output"] as? String == folder("a\(mark).png"))
    let explained = try Command.upscale(folder("a.png"), option, value, "--explain")
    #expect(explained.output.contains("\(width)x\(height)"), "\(explained.output)")
    let result = try Command.upscale(folder.path, option, value, "--json")
    let line = try #require(try objects(result).first, "\(result.errors)")
    #expect(line["width"] as? Int == width && line["height"] as? Int == height)
    #expect(line["scale"] as? Double == plan["scale"] as? Double)
    #expect(abs((line["scale"] as! Double) - Double(width) / 60) < 0.01)
    let output = try ImageFile.read(folder("a\(mark).png"))
    #expect((output.width, output.height) == (width, height))
    // The output is no input of a second run, nor of one with a scale.
    let again = try Command.upscale(folder.path, option, value, "--skip-existing")
    #expect(again.status == 0 && again.errors.contains("1 output of an earlier run left out"))
    #expect(try Command.upscale(folder.path, "--scale", "2").status == 0)
    #expect(folder.contents == ["a.png", "a\(mark).png", "a_x2.png"].sorted())
  }

  @Test func sizesThatAreNotPossible() throws {
    try folder.write(scene(60, 40), "in/a.png")
    try folder.write(scene(20, 10), "in/b.png")
    let result = try Command.upscale(folder("in"), "-o", folder("out"), "--width", "200")
    #expect(result.status == 1 && result.outputLines.count == 1)
    #expect(
      result.errors.contains("b.png: a width of 200 pixels is not possible, but one of 20 to 160"),
      "\(result.errors)")
    #expect(folder.contents.filter { $0.hasPrefix("out") } == ["out/a.png"])
    for dry in ["--dry-run", "--explain"] {
      let told = try Command.upscale(folder("in/b.png"), "--long-side", "19", dry)
      #expect(told.status == 1 && told.errors.contains("one of 20 to 160"), "\(told.errors)")
    }
    for (options, words) in [
      ("--width 100 --scale 2", "--width and --scale cannot be combined"),
      ("--width 100 --height 2", "--width and --height cannot be combined"),
      ("--long-side 9 --megapixels 2", "cannot be combined"),
      ("--width 0", "--width has to be 1 to 1000000"), ("--height -1", "--height has to be"),
      ("--megapixels nan", "--megapixels has to be"), ("--long-side 1.5", "--long-side"),
    ] {
      let refused = try Command.shell("$NSARM upscale in/a.png \(options)", in: folder.path)
      #expect(refused.status == 64 && refused.errors.contains(words), "\(refused.errors)")
    }
  }

  @Test func suffixes() throws {
    try folder.write(scene(8, 6), "in/a.png")
    for _ in 0..<2 {
      let result = try Command.upscale(folder("in"), "--suffix", "_big", "--skip-existing")
      #expect(result.status == 0, "\(result.errors)")
    }
    let other = try Command.upscale(folder("in"), "-o", folder("out"), "--suffix", "-{x}")
    #expect(other.status == 0, "\(other.errors)")
    let here = try Command.upscale(
      folder("in"), "-o", folder("in/."), "--suffix", "_big", "--overwrite")
    #expect(here.status == 0 && here.errors.contains("1 output of an earlier run left out"))
    #expect(
      folder.contents
        == ["in/a.png", "in/a_big.png", "out/a-{x}.png", "out/a_big-{x}.png"])
    let named = try Command.upscale(
      folder("in/a.png"), "-o", folder("b.png"), "--suffix", "_big", "--dry-run")
    #expect(named.errorLines == ["note: -o names the output; --suffix is left out"])
    #expect(named.output.contains("b.png: 8x6 -> 32x24"))
  }

  @Test func names() throws {
    try folder.write(scene(8, 6), "in/a.png")
    try folder.write(scene(9, 6), "in/sub/b.png")
    let result = try Command.upscale(
      folder("in"), "-o", folder("out"), "--name",
      "{index}-{model}-{name}-{width}x{height}-x{scale}",
      "--width", "24")
    #expect(result.status == 0, "\(result.errors)")
    #expect(
      folder.contents.filter { $0.hasPrefix("out") }
        == ["out/1-tiny-a-24x18-x3.png", "out/sub/2-tiny-b-24x16-x2.67.png"])
    for _ in 0..<2 {
      let beside = try Command.upscale(
        folder("in"), "--name", "{width} {name}", "--skip-existing", "--scale", "1")
      #expect(beside.status == 0, "\(beside.errors)")
    }
    #expect(
      folder.contents.filter { $0.hasPrefix("in") }
        == ["in/8 a.png", "in/a.png", "in/sub/9 b.png", "in/sub/b.png"])
  }

  @Test func namesThatDoNotGo() throws {
    try folder.write(scene(8, 6), "in/a.png")
    try folder.write(scene(9, 6), "in/b.png")
    _ = try folder.write("in/c.png", [1, 2, 3])
    let clash = try Command.upscale(
      folder("in"), "-o", folder("out"), "--name", "x{height}", "--dry-run", "--json")
    #expect(clash.status == 1 && clash.errors.contains("would be written to one file"))
    #expect(clash.errors.contains("c.png: not a picture"), "\(clash.errors)")
    #expect(try objects(clash).count == 3)
    let itself = try Command.upscale(folder("in/a.png"), "--name", "{name}")
    #expect(itself.status == 1 && itself.errors.contains("would replace the input"))
    let long = try Command.upscale(
      folder("in/a.png"), "--suffix", String(repeating: "x", count: 255))
    #expect(long.status == 1 && long.errors.contains("cannot be written"), "\(long.errors)")
    for (options, words) in [
      ("--suffix _a --name b", "--suffix and --name cannot be combined"),
      ("--suffix ''", "--suffix: is empty"), ("--name ''", "--name: is empty"),
      ("--suffix a/b", "--suffix: 'a/b' has a '/'"), ("--name ../x", "--name: '../x' has a '/'"),
      (
        "--name '{date}'",
        "'{date}' is no placeholder; there are {name}, {scale}, {model}, {width},"
      ),
      ("--name '{name}.jpg'", "extension"),
      ("--watch --name '{model}'", "--name has to have {name}, and no {index}"),
      ("--watch --name '{name}{index}'", "no {index}"),
      ("--skip-existing --name '{name}{index}'", "without {index}"),
    ] {
      let refused = try Command.shell("$NSARM upscale in \(options)", in: folder.path)
      #expect(refused.status == 64 && refused.errors.contains(words), "\(refused.errors)")
    }
  }

  @Test func whatHasNoQualityIsRefusedBeforeTheWork() throws {
    try folder.write(scene(8, 8), "a.jpg")
    let format = try Command.upscale(folder("a.jpg"), "--max-bytes", "1M", "--format", "tiff")
    #expect(format.status == 64 && format.errors.contains("--max-bytes lowers a quality"))
    let name = try Command.upscale(
      folder("a.jpg"), "--max-bytes", "1M", "-o", folder("b.png"), "--dry-run")
    #expect(name.status == 1 && name.errors.contains("b.png: PNG has no quality to lower"))
    let bad = try Command.upscale(folder("a.jpg"), "--max-bytes", "many")
    #expect(bad.status == 64 && bad.errors.contains("--max-bytes"))
  }
}
