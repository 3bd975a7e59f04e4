import Foundation
import ModelTestSupport
import TestSupport
import Testing

/// What the machine lacks while `nsarm` works ends one picture, not the command.
@Suite(.ownThreads) struct ResourceTests {
  private let scratch = try! ScratchFolder()

  /// Restores small.png, wide.png and last.png, in this order, with a model of its own.
  /// - Parameter happens: called when the first of them is there.
  private func upscale(_ happens: (_ process: Process, _ weights: String) throws -> Void) throws
    -> (status: Int32, errors: String)
  {
    for (name, width, height) in [("1", 48, 40), ("2-wide", 60000, 40), ("3", 48, 40)] {
      try scratch.write(scene(width, height), "in/\(name).png")
    }
    let model = try TinyModel.write(in: scratch.path)
    let process = Command.process(
      ["upscale", "--model", model, "--threads", "1", scratch("in"), "-o", scratch("out")])
    let errors = scratch("errors")
    FileManager.default.createFile(atPath: errors, contents: nil)
    process.standardError = FileHandle(forWritingAtPath: errors)
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    while process.isRunning, !FileManager.default.fileExists(atPath: scratch("out/1.png")) {
      Thread.sleep(forTimeInterval: 0.01)
    }
    try happens(process, model + "/model.safetensors")
    process.waitUntilExit()
    return (process.terminationStatus, try String(contentsOfFile: errors, encoding: .utf8))
  }

  #if os(Linux)
    /// The process gets little more memory than it has when the first picture is done: less than a
    /// strip of the second, whose tensor is much larger than anything else.
    @Test func memoryThatRunsOutEndsOnePicture() throws {
      let (status, errors) = try upscale { process, _ in
        let text = try String(
          contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        let size = try #require(text.firstMatch(of: /VmSize:\s+(\d+) kB/).flatMap { Int($0.1) })
        let limit = (size << 10) + (64 << 20)
        let prlimit = try Command.run(
          ["--pid", "\(process.processIdentifier)", "--as=\(limit)"], program: "/usr/bin/prlimit")
        try #require(prlimit.status == 0, "\(prlimit.errors)")
      }
      #expect(status == 1, "\(errors)")
      let lines = errors.split(separator: "\n").filter { $0.contains("error") }
      #expect(lines.count == 1 && lines[0].contains("2-wide.png"), "\(errors)")
      #expect(lines.first?.contains("out of memory: ") == true, "\(errors)")
      #expect(FileManager.default.fileExists(atPath: scratch("out/3.png")))
      #expect(!FileManager.default.fileExists(atPath: scratch("out/2-wide.png")))
    }

    /// From a limit that libtorch does not fit into to one that suffices, whatever the work then
    /// lacks: a line that names the limit, or the picture.
    @Test(arguments: [200, 350, 600, 800, 900, 1000, 1200, 8000])
    func aSmallAddressSpaceIsTold(_ megabytes: Int) throws {
      if !FileManager.default.fileExists(atPath: scratch("a.png")) {
        try scratch.write(scene(900, 700), "a.png")
      }
      let result = try Command.shell(
        "ulimit -v \(megabytes * 1024); $NSARM upscale a.png -o b.png --threads 1",
        in: scratch.path)
      if result.status == 0 {
        #expect(FileManager.default.fileExists(atPath: scratch("b.png")))
      } else {
        #expect(result.status == 1 && megabytes < 8000, "\(result.errors)")
        let errors = result.errorLines.filter { $0.contains("error: ") }
        #expect(errors.count == 1 && errors[0].contains("ulimit -v"), "\(result.errors)")
        #expect(!result.errors.contains("Backtrac"), "\(result.errors)")
      }
    }
  #endif

  @Test func weightsThatAreCutEndPicturesNotTheProgram() throws {
    let (status, errors) = try upscale { _, weights in
      #expect(truncate(weights, 4096) == 0)
    }
    #expect(status == 1, "\(errors)")
    let lines = errors.split(separator: "\n").filter { $0.contains("error") }
    #expect(lines.count == 2, "\(errors)")
    for line in lines {
      #expect(line.contains("model.safetensors: cannot be read (it became shorter"), "\(line)")
    }
  }
}
