import Foundation
import Imaging
import ModelTestSupport
import TestSupport

/// The `nsarm` executable, run as users run it.
enum Command {
  struct Result {
    let status: Int32
    let output, errors: String
    var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
    var outputLines: [String] { output.split(separator: "\n").map(String.init) }
  }

  /// A folder with a tiny random model, made once.
  static let model: String = {
    let path = try! TinyModel.write(in: modelParent)
    atexit { try? FileManager.default.removeItem(atPath: Command.modelParent) }
    return path
  }()
  private static var modelParent: String {
    NSTemporaryDirectory() + "/nsarm-command-model-\(getpid())"
  }

  /// The model in the repository.
  static let shippedModel = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Models/nano").path

  /// The executable beside the test bundle.
  static let executable: URL = {
    var places = [Bundle.main.bundleURL, Bundle.main.bundleURL.deletingLastPathComponent()]
    places.append(URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent())
    places += Bundle.allBundles.map { $0.bundleURL.deletingLastPathComponent() }
    let candidates = places.map { $0.appendingPathComponent("nsarm") }
    guard
      let found = candidates.first(where: {
        FileManager.default.isExecutableFile(atPath: $0.path)
      })
    else { fatalError("the nsarm executable is not beside the tests: \(candidates.map(\.path))") }
    return found
  }()

  static func process(
    _ arguments: [String], environment: [String: String] = [:], program: String = executable.path
  ) -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    // What users have set for themselves, such as NSARM_MODEL, is not the tests' business.
    process.environment = ProcessInfo.processInfo.environment
      .filter { !$0.key.hasPrefix("NSARM_") || $0.key == "NSARM_METRIC_WEIGHTS" }
      .merging(["NSARM_CONFIG": ""]) { $1 }.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    return process
  }

  /// Whether util-linux's `script` gives programs a terminal.
  static let hasScript = FileManager.default.isExecutableFile(atPath: "/usr/bin/script")

  /// What a command begins with that takes root's right to read and write everything from it;
  /// nothing for other users, who do not have it.
  static let obeying =
    getuid() == 0
    ? ["/usr/bin/setpriv"]
      + ["bounding-set", "inh-caps"].map { "--\($0)=-dac_override,-dac_read_search" } : []

  /// - Parameter obeysPermissions: even where root runs the tests.
  static func run(
    _ arguments: [String], in folder: String? = nil, environment: [String: String] = [:],
    program: String = executable.path, obeysPermissions: Bool = false
  ) throws -> Result {
    let command = (obeysPermissions ? obeying : []) + [program] + arguments
    let process = process(
      Array(command.dropFirst()), environment: environment, program: command[0])
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // Read after the queue that writes it has ended.
    nonisolated(unsafe) var errorData = Data()
    let reading = DispatchQueue(label: "errors")
    reading.async { errorData = errors.fileHandleForReading.readDataToEndOfFile() }
    let outputData = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    reading.sync {}
    return Result(
      status: process.terminationStatus, output: String(decoding: outputData, as: UTF8.self),
      errors: String(decoding: errorData, as: UTF8.self))
  }

  /// A script of the shell in which `$NSARM` is the executable and `$MODEL` the tiny model.
  static func shell(_ script: String, in folder: String = NSTemporaryDirectory()) throws -> Result {
    try run(
      ["-c", script], in: folder,
      environment: ["NSARM": executable.path, "MODEL": model, "NSARM_MODEL": model],
      program: "/bin/sh")
  }

  /// `nsarm upscale` with the tiny model.
  static func upscale(_ arguments: String..., model: String = Command.model) throws -> Result {
    try run(["upscale", "--model", model, "--threads", "1"] + arguments)
  }
}

/// A smooth picture with edges.
func scene(_ width: Int, _ height: Int, channels: Int = 3, bitDepth: Int = 8) -> Image {
  var planes = FloatImage(width: width, height: height, channels: channels)
  for c in 0..<channels {
    for y in 0..<height {
      for x in 0..<width {
        let edge: Float = (x / 11 + y / 7) % 2 == 0 ? 0.15 : -0.1
        planes[c, y, x] = 0.5 + edge + 0.3 * sin(Float(x + 20 * c) / 9) * cos(Float(y) / 14)
      }
    }
  }
  return Image(planes, bitDepth: bitDepth)
}
