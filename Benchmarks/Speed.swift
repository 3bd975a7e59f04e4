import ArgumentParser
import Foundation
import Imaging
import NSARM
import Torch
import Upscaling

/// `nsarm-benchmark speed`
struct Speed: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how long a picture takes, from file to file, against the machine's peak.",
    discussion: """
      Prints a JSON object: seconds, peak memory, the operations of the networks' matrix products, \
      convolutions and attention, the seconds that they would take at the measured bfloat16 peak, and the \
      ratio of the two.
      """)

  @Option(help: "A model folder, or the name of one in Models (default: $NSARM_MODEL, else nano).")
  var model: String?

  @Option(help: "A picture (default: a generated one of --size).")
  var input: String?

  @Option(help: ArgumentHelp("Side of the generated picture.", valueName: "pixels"))
  var size = 512

  @Option(help: "How often the picture is restored; the fastest run counts.")
  var repeats = 1

  @OptionGroup var place: DeviceOptions

  func validate() throws {
    guard size > 0, repeats > 0 else {
      throw ValidationError("--size and --repeats have to be positive")
    }
  }

  func run() throws {
    let device = try place.prepare()
    let folder = try ModelFolder(try ModelLocator.find(model))
    let resolver = try SuperResolver(try folder.load(on: device, precision: .bfloat16), on: device)
    let upscaler = PhotoUpscaler(resolver)
    let scratch = FileManager.default.temporaryDirectory
      .appendingPathComponent("nsarm-benchmark-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: scratch) }
    let path = input ?? scratch.appendingPathComponent("input.png").path
    if input == nil { try pattern().write(to: path) }

    var options = PhotoUpscaler.Options()
    options.scale = Double(folder.configuration.scale)
    options.overwrite = true
    var times: [Double] = []
    var report: PhotoUpscaler.Report?
    for _ in 0..<repeats {
      let start = Date()
      report = try upscaler(path, to: scratch.appendingPathComponent("output.png").path, options)
      times.append(Date().timeIntervalSince(start))
    }
    let memory = Self.peakMemory
    let (from, to) = (report!.inputSize, report!.outputSize)
    let operations = try resolver.operationCount(width: from.width, height: from.height)
    let peak = MachinePeak([.bfloat16], on: device, seconds: 0.5)
    let best = peak.best["\(DType.bfloat16)"] ?? 0
    let ideal = operations.total / 1e12 / best
    let result = Result(
      model: folder.configuration.name, device: device.description,
      threads: TorchRuntime.threadCount, input: "\(from.width)x\(from.height)",
      output: "\(to.width)x\(to.height)", seconds: times.min()!, allSeconds: times,
      peakMemoryMegabytes: memory, teraflop: operations.total / 1e12,
      parts: operations, peakTeraflops: best, secondsAtPeak: ideal, ratio: times.min()! / ideal)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    print(String(decoding: try encoder.encode(result), as: UTF8.self))
  }

  private struct Result: Encodable {
    let model, device: String
    let threads: Int
    let input, output: String
    let seconds: Double
    let allSeconds: [Double]
    let peakMemoryMegabytes, teraflop: Double
    let parts: OperationCount
    let peakTeraflops, secondsAtPeak, ratio: Double
  }

  /// Waves of many lengths with edges: something to restore in every tile.
  private func pattern() -> Image {
    var planes = Planes(width: size, height: size, channels: 3)
    for c in 0..<3 {
      for y in 0..<size {
        for x in 0..<size {
          let edge: Float = (x / 23 + y / 31) % 2 == 0 ? 0.12 : -0.12
          let wave = sin(Float(x * x + y * (c + 1)) / 700) * cos(Float(y * y) / 900)
          planes[c, y, x] = 0.5 + edge + 0.25 * wave
        }
      }
    }
    return Image(planes)
  }

  /// The largest resident set of this process so far, in 10⁶ bytes.
  private static var peakMemory: Double {
    var usage = rusage()
    #if canImport(Darwin)
      getrusage(RUSAGE_SELF, &usage)
      return Double(usage.ru_maxrss) / 1e6
    #else
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return Double(usage.ru_maxrss) * 1024 / 1e6
    #endif
  }
}
