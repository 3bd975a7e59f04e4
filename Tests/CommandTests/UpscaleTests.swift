import Foundation
import Imaging
import TestSupport
import Testing

/// One after the other: every test runs processes that compute with all cores themselves.
@Suite(.serialized, .ownThreads) struct UpscaleTests {
  @Test func aPhotoIsRestoredBesideItself() throws {
    let folder = try ScratchFolder()
    try scene(70, 43).write(to: folder("photo.jpg"))
    let result = try Command.upscale(folder("photo.jpg"))
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors == "")
    #expect(result.outputLines.count == 1)
    #expect(folder.contents == ["photo.jpg", "photo_x4.jpg"])
    let output = try ImageFile.read(folder("photo_x4.jpg"))
    #expect((output.width, output.height, output.channels) == (280, 172, 3))

    // What exists is kept, and reported.
    let again = try Command.upscale(folder("photo.jpg"))
    #expect(again.status == 1)
    #expect(again.errorLines.count == 1 && again.errors.contains("exists already"))
    #expect(try Command.upscale(folder("photo.jpg"), "--overwrite").status == 0)
  }

  @Test func sameSeedSameBytes() throws {
    let folder = try ScratchFolder()
    try scene(60, 50).write(to: folder("a.png"))
    for (name, seed) in [("1.png", "5"), ("2.png", "5"), ("3.png", "6")] {
      let result = try Command.upscale(folder("a.png"), "-o", folder(name), "--seed", seed)
      #expect(result.status == 0, "\(result.errors)")
    }
    let files = try ["1.png", "2.png", "3.png"].map {
      try Data(contentsOf: URL(fileURLWithPath: folder($0)))
    }
    #expect(files[0] == files[1])
    #expect(files[0] != files[2])
  }

  /// In processes of their own, since the number of threads holds for a whole process.
  @Test(arguments: [(Command.model, 0.02), (Command.shippedModel, 0.05)])
  func threadsChangeRoundingOnly(_ model: String, largestShare: Double) throws {
    let folder = try ScratchFolder()
    try scene(100, 80).write(to: folder("a.png"))
    let bytes = try ["1", "2"].map { threads in
      let output = folder("\(threads).png")
      let result = try Command.run(
        ["upscale", folder("a.png"), "-o", output, "--model", model, "--threads", threads])
      #expect(result.status == 0, "\(result.errors)")
      return try ImageFile.read(output).planes().values
    }
    let share = Double(zip(bytes[0], bytes[1]).filter { $0 != $1 }.count) / Double(bytes[0].count)
    print("\(model): with 1 and 2 threads \(share * 100) % of the samples differ")
    #expect(bytes[0].count == 3 * 400 * 320 && share < largestShare)
  }

  @Test func foldersAreMirroredAndABadFileDoesNotStopTheOthers() throws {
    let folder = try ScratchFolder()
    try FileManager.default.createDirectory(
      atPath: folder("in/day 1"), withIntermediateDirectories: true)
    try scene(20, 30).write(to: folder("in/a.png"))
    try scene(30, 20).write(to: folder("in/day 1/b.webp"))
    _ = try folder.write("in/bad.png", "not a picture at all".utf8)
    let result = try Command.upscale(
      folder("in"), folder("missing.jpg"), "-o", folder("out"), "--json")
    #expect(result.status == 1)
    #expect(result.errorLines.count == 3 && result.errorLines[2].hasPrefix("2 done, 2 failed in "))
    #expect(result.errors.contains("bad.png: not a picture"))
    #expect(result.errors.contains("missing.jpg: no such file"))
    #expect(
      folder.contents == [
        "in/a.png", "in/bad.png", "in/day 1/b.webp", "out/a.png", "out/day 1/b.webp",
      ])
    let objects = try result.outputLines.map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as! [String: Any]
    }
    #expect(objects.count == 4)
    #expect(objects.filter { $0["error"] != nil }.count == 2)
    let first = try #require(objects.first { ($0["input"] as! String).hasSuffix("a.png") })
    #expect(first["output"] as? String == folder("out/a.png"))
    #expect(first["width"] as? Int == 80 && first["height"] as? Int == 120)
    #expect(first["model"] as? String == "tiny" && first["seed"] as? Int == 0)
    #expect((first["seconds"] as! Double) > 0)
  }

  @Test func outputsOfAnEarlierRunAreNoInputs() throws {
    let folder = try ScratchFolder()
    try scene(16, 16).write(to: folder("a.png"))
    #expect(try Command.upscale(folder.path).status == 0)
    #expect(try Command.upscale(folder.path, "--overwrite").status == 0)
    #expect(folder.contents == ["a.png", "a_x4.png"])
  }

  @Test(arguments: [1, 2, 4])
  func greyAlphaAndSixteenBitsAreKept(_ channels: Int) throws {
    let folder = try ScratchFolder()
    try scene(33, 21, channels: channels, bitDepth: 16).write(to: folder("a.png"))
    let result = try Command.upscale(folder("a.png"), "-o", folder("b.png"))
    #expect(result.status == 0, "\(result.errors)")
    let output = try ImageFile.read(folder("b.png"))
    #expect((output.width, output.height) == (132, 84))
    #expect(output.channels == channels && output.bitDepth == 16)
    if channels != 1 {
      // Alpha is the enlarged alpha, to rounding.
      let alpha = try ImageFile.read(folder("a.png")).planes().channels(channels - 1..<channels)
        .resized(toWidth: 132, height: 84, .bicubic)
      let found = output.planes().channels(channels - 1..<channels)
      let worst = zip(alpha.values, found.values).map { abs(min(max($0, 0), 1) - $1) }.max()!
      #expect(worst < 1e-4)
    }
  }

  @Test func orientationIsAppliedAndTheProfileKept() throws {
    let folder = try ScratchFolder()
    var image = scene(40, 24)
    image.metadata.exif = orientedExif(6)
    try image.write(to: folder("a.jpg"))
    // The writer sets the orientation to upright: turn the tag in the file back to 6.
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder("a.jpg"))))
    let tag: [UInt8] = [0x12, 0x01, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00]
    let place = try #require(
      (0..<bytes.count - 10).first { Array(bytes[$0..<$0 + 8]) == tag }, "no orientation tag")
    bytes[place + 8] = 6
    _ = try folder.write("a.jpg", bytes)
    #expect(try ImageFile.open(folder("a.jpg")).width == 24)
    let result = try Command.upscale(folder("a.jpg"), "-o", folder("b.jpg"))
    #expect(result.status == 0, "\(result.errors)")
    let output = try ImageFile.read(folder("b.jpg"))
    #expect((output.width, output.height) == (96, 160))
    #expect(output.metadata.exif != nil)
  }

  @Test(arguments: [("1", 45, 31), ("1.5", 68, 47), ("3", 135, 93), ("8", 360, 248)])
  func scales(_ scale: String, _ width: Int, _ height: Int) throws {
    let folder = try ScratchFolder()
    try scene(45, 31).write(to: folder("a.png"))
    let result = try Command.upscale(folder("a.png"), "--scale", scale)
    #expect(result.status == 0, "\(result.errors)")
    let output = try ImageFile.read(folder("a_x\(scale).png"))
    #expect((output.width, output.height) == (width, height))
  }

  @Test(arguments: ["wavelet", "adain", "both", "none"])
  func colors(_ mode: String) throws {
    let folder = try ScratchFolder()
    try scene(45, 71).write(to: folder("a.png"))
    let result = try Command.upscale(
      folder("a.png"), "--color", mode, "--format", "tiff", "-o", folder("out"))
    #expect(result.status == 0, "\(result.errors)")
    #expect(folder.contents == ["a.png", "out/a.tif"])
    let (input, output) = (
      try ImageFile.read(folder("a.png")), try ImageFile.read(folder("out/a.tif"))
    )
    func means(_ planes: FloatImage) -> [Float] {
      (0..<3).map { c in
        planes.channels(c..<c + 1).values.reduce(0, +) / Float(planes.values.count / 3)
      }
    }
    let off = zip(means(input.planes()), means(output.planes())).map { abs($0 - $1) }.max()!
    // The model's random weights change the colours, which only a correction mends.
    #expect(mode == "none" ? off > 0.02 : off < 0.01, "\(off)")
  }

  @Test(arguments: [(1, 1), (1, 200), (300, 2)])
  func extremeSizes(_ width: Int, _ height: Int) throws {
    let folder = try ScratchFolder()
    try scene(width, height).write(to: folder("a.png"))
    let result = try Command.upscale(folder("a.png"))
    #expect(result.status == 0, "\(result.errors)")
    let output = try ImageFile.read(folder("a_x4.png"))
    #expect((output.width, output.height) == (4 * width, 4 * height))
  }

  @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
  func interruptionLeavesNothing(_ signal: Int32, _ status: Int32) throws {
    let folder = try ScratchFolder()
    try scene(1500, 1500).write(to: folder("a.png"))
    let process = Command.process(
      ["upscale", "--model", Command.model, folder("a.png"), "-o", folder("b.png")])
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    // In the midst of the work, however busy the machine is: after two seconds of processor time.
    while process.isRunning, try processorTime(process.processIdentifier) < 2 {
      Thread.sleep(forTimeInterval: 0.05)
    }
    #expect(process.isRunning)
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == status)
    #expect(folder.contents == ["a.png"])
  }

  /// Seconds that a running process has computed (proc_pid_stat(5): utime and stime).
  private func processorTime(_ process: pid_t) throws -> Double {
    let stat = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    let fields = stat.drop { $0 != ")" }.split(separator: " ")
    return (Double(fields[12])! + Double(fields[13])!) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  @Test func modelsAreFoundByNameAndEnvironment() throws {
    let folder = try ScratchFolder()
    try scene(8, 8).write(to: folder("a.png"))
    let result = try Command.run(
      ["upscale", folder("a.png"), "--json"], environment: ["NSARM_MODEL": Command.model])
    #expect(result.status == 0 && result.output.contains("\"model\":\"tiny\""), "\(result.errors)")
    let unknown = try Command.run(["upscale", folder("a.png"), "--model", "no-such-model"])
    #expect(unknown.status == 1)
    #expect(unknown.errorLines.count == 1 && unknown.errors.contains("no such model"))
  }

  @Test func informationAboutAModel() throws {
    let text = try Command.run(["info", Command.model])
    #expect(text.status == 0, "\(text.errors)")
    for word in [
      "tiny", "x4, tiles of 128x128", "transformer", "encoder", "provenance", "random weights",
    ] {
      #expect(text.output.contains(word), "\(word)")
    }
    let json = try Command.run(["info", Command.model, "--json"])
    let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as! [String: Any]
    let parts = object["parts"] as! [[String: Any]]
    #expect(parts.count == 4)
    let total = parts.map { $0["parameters"] as! Int }.reduce(0, +)
    #expect(object["parameters"] as? Int == total && total > 10_000)
  }
}

/// A little-endian EXIF block with an orientation.
private func orientedExif(_ orientation: UInt8) -> Data {
  var block: [UInt8] = [0x45, 0x78, 0x69, 0x66, 0, 0]  // "Exif"
  block += [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0]  // "II", 42, first directory
  block += [1, 0]  // one tag
  block += [0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]
  block += [0, 0, 0, 0]
  return Data(block)
}
