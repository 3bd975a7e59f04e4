import ArgumentParser
import Foundation
import NSARM
import Torch

/// `nsarm bench`
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure how fast this machine restores and trains.",
    discussion: """
      Measures the machine's peak in each precision; the fused operators beside the operators that they replace; \
      the parts of a model with their time, operations per second, fraction of the peak and costliest operators; and \
      the difference of the results from those in float32. Measure on an idle machine; it takes about two minutes. \
      With --only operators the exit status is 1 if a fused operator is slower than the operators it replaces.
      """)

  /// The measurements.
  enum Section: String, CaseIterable, ExpressibleByArgument {
    case peak, operators, inference, agreement, training
  }

  @OptionGroup(title: "Model options") var model: ModelOptions

  @Option(help: ArgumentHelp("Size of the picture that is restored.", valueName: "WxH"))
  var size = "192x128"

  @Option(
    help: ArgumentHelp(
      "A folder of photos, to measure how fast training pairs are made.", valueName: "folder"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "The model to compare the results with, in float32 (default: the same model).",
      valueName: "model"))
  var original: String?

  @Option(
    help: "Measure this only. Repeatable (default: everything). The peak is always measured.")
  var only: [Section] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seconds for which each part is run.", valueName: "seconds"))
  var time = 0.5

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("List the costliest operators of each part, at most 20.", valueName: "count")
  )
  var operators = 0

  @OptionGroup(title: "Model options") var compute: ComputeOptions
  @OptionGroup(title: "Model options") var memory: MemoryOptions

  @Flag(help: "Print a JSON object.")
  var json = false

  private var pixels: (width: Int, height: Int)? {
    let parts = size.split(separator: "x").compactMap { Int($0) }
    guard parts.count == 2, parts.allSatisfy({ (1...8192).contains($0) }) else { return nil }
    return (parts[0], parts[1])
  }

  func validate() throws {
    guard pixels != nil else {
      throw ValidationError("--size is WIDTHxHEIGHT in pixels, such as 192x128, at most 8192 each")
    }
    guard (0...20).contains(operators) else { throw ValidationError("--operators is 0 to 20") }
    guard time > 0, time <= 60 else {
      throw ValidationError("--time has to be more than 0 and at most 60 seconds")
    }
  }

  func run() throws {
    let folder = try model.folder()
    let plan = try compute.loader(memory: memory.limit).plan(folder)
    let policy = plan.policy
    let sections = only.isEmpty ? Section.allCases : only
    var report = BenchReport(folder, policy)
    func say(_ text: String) throws {
      try checkResources()
      if json { note(text) } else { try StandardOutput.print(text) }
    }
    func say(_ parts: [PartReport]) throws {
      for part in parts {
        try say(part.line)
        if operators > 0 { try say(part.operatorLines(operators)) }
      }
    }
    try say(report.title)
    let peak = MachinePeak(on: policy.device, seconds: min(time, 1))
    report.peak = peak
    try say(peak.line)
    let best = peak.best[policy.precision.rawValue] ?? .nan

    if sections.contains(.operators), policy.device == .cpu {
      try say("")
      report.operators = OperatorReport.all(budget: time)
      for line in report.operators.map(\.line) { try say(line) }
      report.attention = withoutGradients { AttentionReport(budget: time) }
      try say(report.attention!.line)
      try say("")
    }
    if sections.contains(.inference) {
      let (width, height) = pixels!
      let bench = InferenceBench(
        model: try plan.model(), width: width, height: height, budget: time, peak: best)
      if folder.configuration.restores {
        report.whole = try bench.whole()
        try say("\n\(report.whole!.line)\n")
      }
      report.inference = try bench.parts()
      try say(report.inference)
    }
    let original = try self.original.map { try ModelFolder(ModelLocator.find($0)) }
    if sections.contains(.agreement), policy.precision != .float32 || original != nil {
      report.agreement = try AgreementReport(folder, policy, original: original)
      try say("")
      for line in report.agreement!.lines { try say(line) }
    }
    if sections.contains(.training), policy.precision != .int8 {
      try say("")
      report.training = try TrainingBench(
        folder: folder, policy: policy, budget: time, peak: best
      ).steps()
      try say(report.training)
    }
    if let data {
      let rate = try TrainingBench.samplesPerSecond(
        data, crop: folder.configuration.tileSide, scale: folder.configuration.scale,
        budget: time)
      report.samplesPerSecond = rate
      try say(String(format: "\ntraining pairs from %@: %.1f a second and thread", data, rate))
    }
    if json { try StandardOutput.print(report.json) }
    // Of those that were asked for: anything else may be measured in passing.
    let slower = only.contains(.operators) ? report.operators.filter(\.isSlower) : []
    guard slower.isEmpty else {
      note("slower than what they replace: " + slower.map(\.name).joined(separator: "; "))
      throw ExitCode.failure
    }
  }
}

/// All figures of `nsarm bench`.
struct BenchReport: Encodable {
  let model, processor, instructionSet, device, precision, reason, libtorch: String
  let threads: Int
  var peak: MachinePeak?
  var whole: InferenceBench.Whole?
  /// The fused operators.
  var operators: [OperatorReport] = []
  var attention: AttentionReport?
  var inference: [PartReport] = []
  var training: [PartReport] = []
  /// With the same weights in float32, or with the model that it was made of.
  var agreement: AgreementReport?
  /// Training pairs that one thread makes per second.
  var samplesPerSecond: Double?

  init(_ folder: ModelFolder, _ policy: ComputePolicy) {
    model = folder.configuration.name
    processor = Processor.current.name
    instructionSet = Processor.current.instructionSet
    device = policy.device.description
    precision = policy.precision.rawValue
    reason = policy.reason
    libtorch = TorchRuntime.version
    threads = TorchRuntime.threadCount
  }

  var title: String {
    "\(model) in \(precision) on \(device) (\(reason)); \(instructionSet), \(threads) threads, libtorch \(libtorch)"
  }

  var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      encoder.keyEncodingStrategy = .convertToSnakeCase
      encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}

extension MachinePeak {
  var line: String {
    "peak: "
      + best.sorted { $0.key < $1.key }.map { String(format: "%@ %.3f", $0.key, $0.value) }
      .joined(separator: ", ") + " TFLOP/s"
  }
}
