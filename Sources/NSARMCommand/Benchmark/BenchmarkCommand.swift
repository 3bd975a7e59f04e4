import ArgumentParser
import Evaluation
import Files
import Foundation
import NSARM
import Terminal
import Torch

/// `nsarm benchmark SETS.yaml --model FOLDER -o report`
struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Restore test sets with a model and other programs, time and score them.",
    discussion: """
      Originals are degraded with fixed seeds; bicubic and Lanczos enlargement are always among the methods. \
      The folder -o receives the page index.html, JSON and CSV, the inputs and the restored pictures. A run \
      that was stopped or killed goes on when the same command is given again; sets, peers and variants may \
      be added. The exit status is 1 if a picture or a method had to be left out, 130 after Ctrl-C. Where \
      WORLD_SIZE and RANK are set, as torchrun does, the processes share the work, and rank 0 writes the report. \
      scripts/metric-weights installs the weights of the metrics.
      """)

  @Argument(
    help: ArgumentHelp("The file that lists the sets (see Recipes/benchmark).", valueName: "sets"))
  var sets: String

  @Option(
    help: ArgumentHelp(
      "Where the sets' folders are (default: the folder of the file).", valueName: "folder"))
  var data: String?

  @OptionGroup(title: "Model options") var model: ModelOptions

  @Flag(help: "Measure other methods only.")
  var noModel = false

  @Option(
    help: ArgumentHelp(
      "Ways through the model, separated by commas: restored, all-scales (where the model recommends "
        + "fewer), true-code (the codes of the original), no-code (the decoder without any).",
      valueName: "list"))
  var variants = Restorer.Variant.restored.rawValue

  @Option(
    help: ArgumentHelp(
      "Another program: 'NAME=COMMAND' with {input} and {output} for a picture's paths, or {inputs} "
        + "and {outputs} for folders. Repeatable.", valueName: "name=command"))
  var peer: [String] = []

  @Option(
    help: ArgumentHelp(
      "Restored pictures of another method, FOLDER/SET/LABEL.png with the names of the inputs. "
        + "Repeatable.", valueName: "name=folder"),
    transform: { try NamedArgument($0) })
  var method: [NamedArgument] = []

  @OptionGroup(title: "Report options") var report: ReportOptions
  @OptionGroup(title: "Report options") var shared: SharedWorkOptions

  @OptionGroup(title: "Model options") var compute: ComputeOptions
  @OptionGroup(title: "Model options") var memory: MemoryOptions

  func validate() throws { _ = try chosenVariants() }

  private func chosenVariants() throws -> [Restorer.Variant] {
    guard !noModel else { return [] }
    return try variants.split(separator: ",").map { name in
      guard let variant = Restorer.Variant(rawValue: String(name)) else {
        let known = Restorer.Variant.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("--variants: unknown '\(name)'; choose from \(known)")
      }
      return variant
    }
  }

  func run() throws {
    let launch = try shared.launch()
    if launch != nil, report.overwrite { throw SharedWorkOptions.isForOne("--overwrite") }
    let compute = shared.placed(compute, launch)
    let sets = try BenchmarkSets(file: sets)
    let peers = try peer.map(PeerCommand.init)
    let folders = method.map(RestoredFolder.init)
    let folder = noModel ? nil : try model.folder()
    let loader = try compute.loader(memory: memory.limit)
    let restorer = try folder.map { try Restorer($0, loader) }
    var methods: [any EvaluationMethod] = [Interpolation(.bicubic), Interpolation(.lanczos)]
    for variant in try chosenVariants() {
      methods.append(try ModelMethod(restorer!, variant))
    }
    methods += peers
    methods += folders
    var notes = ["sets": self.sets, "threads": "\(TorchRuntime.threadCount)"]
    if let restorer {
      notes[restorer.model.configuration.name] =
        "\(restorer.folder.path), \(restorer.model.policy.title)"
    }
    for peer in peers { notes[peer.name] = peer.command }
    for folder in folders { notes[folder.name] = folder.folder }
    let benchmark = try Benchmark(
      sets, data: data ?? parentFolder(of: self.sets), methods: methods,
      suite: MetricSuite(border: sets.border, on: loader.device), scale: restorer?.scale ?? 4,
      notes: notes, to: report.output, overwrite: report.overwrite, isShared: launch != nil)
    if let launch { return try measureShared(benchmark, launch) }

    let display = ProgressDisplay("measuring")
    var problems = 0
    Interruption.install()
    let result = try benchmark.run(
      showsCrops: report.crops, isStopped: { Interruption.isRequested }
    ) {
      progress in
      if let problem = progress.problem {
        display.clear()
        note("error: \(problem)")
        problems += 1
      } else {
        display.update(Double(progress.done) / Double(progress.total))
      }
    }
    display.clear()
    guard let result else {
      note("stopped; the same command continues")
      throw ExitCode(Interruption.status)
    }
    try tell(result)
    if problems > 0 { throw ExitCode.failure }
  }

  /// Tells of a report that has been written.
  func tell(_ result: EvaluationReport) throws {
    try StandardOutput.print("\(result.table)\n\n\(report.output)/index.html")
    for metric in result.unavailable { note("\(metric.title) is not available: \(metric.reason)") }
  }
}
