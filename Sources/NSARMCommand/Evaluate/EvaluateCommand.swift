import ArgumentParser
import Evaluation
import Foundation
import Imaging
import Terminal

/// `nsarm evaluate --restored FOLDER --reference FOLDER -o report`
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Score folders of restored pictures, against originals where there are any.",
    discussion: """
      Files of different folders belong together if they have the same name up to the extension. The report is \
      a folder with a page (index.html), JSON and CSV; give the same -o again to score only pictures that are \
      new or have changed. A file without a counterpart or of the wrong size is reported, and the others are \
      scored; the exit status is 1 if there was any, 130 after Ctrl-C. Where WORLD_SIZE and RANK are set, as \
      torchrun does, the processes share the work, and rank 0 writes the report. scripts/metric-weights installs \
      the weights of the metrics.
      """)

  @Option(help: ArgumentHelp("The restored pictures.", valueName: "folder"))
  var restored: String?

  @Option(
    help: ArgumentHelp(
      "Pictures that another method restored. Repeatable.", valueName: "name=folder"),
    transform: { try NamedArgument($0) })
  var method: [NamedArgument] = []

  @Option(
    help: ArgumentHelp(
      "The originals; without them only metrics that need no reference are computed.",
      valueName: "folder"))
  var reference: String?

  @Option(
    help: ArgumentHelp(
      "The low-quality pictures: shown, and their bicubic enlargement scored.", valueName: "folder")
  )
  var input: String?

  @OptionGroup(title: "Report options") var report: ReportOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Pixels at the edges that metrics other than LPIPS, DISTS and CER leave out.",
      valueName: "pixels")
  )
  var border = 0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Use the middle of the pictures only.", valueName: "pixels"))
  var crop: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Use the first pictures only.", valueName: "count"))
  var limit: Int?

  @OptionGroup var compute: ComputeOptions
  @OptionGroup var shared: SharedWorkOptions

  func validate() throws {
    if let crop, crop < 32 { throw ValidationError("--crop has to be at least 32") }
    if let limit, limit < 1 { throw ValidationError("--limit has to be at least 1") }
    if border < 0 { throw ValidationError("--border has to be at least 0") }
    if folders.isEmpty { throw ValidationError("give --restored or --method NAME=FOLDER") }
  }

  /// Names and folders of the methods.
  private var folders: [(name: String, path: String)] {
    (restored.map { [("restored", $0)] } ?? []) + method.map { ($0.name, $0.value) }
  }

  func run() throws {
    let launch = try shared.launch()
    if launch != nil, report.overwrite { throw SharedWorkOptions.isForOne("--overwrite") }
    let policy = try shared.placed(compute, launch).policy()
    let suite = try MetricSuite(border: border, on: policy.device)
    let comparison = try FolderComparison(
      folders.map { ($0.name, try PictureFolder($0.path)) },
      reference: reference.map(PictureFolder.init), input: input.map(PictureFolder.init),
      crop: crop, suite)
    var report = comparison.report
    let folder = try ReportFolder(
      self.report.output, settings: report.settings, overwrite: self.report.overwrite)

    let stems = Array(comparison.stems.prefix(limit ?? .max))
    if let launch {
      Interruption.install()
      guard let scores = try scoreShared(stems, comparison, folder, launch, policy) else { return }
      report.pictures = scores.compactMap(\.picture)
      return try write(
        report, to: folder, comparison, suite, failures: scores.reduce(0) { $0 + $1.problems.count }
      )
    }
    var pictures = Dictionary(
      (folder.earlier?.pictures ?? []).map { ($0.file, $0) }, uniquingKeysWith: { $1 })
    func save() throws {
      report.pictures = stems.compactMap { pictures[$0] }
      try folder.save(report)
    }
    let progress = ProgressDisplay("scoring")
    var (failures, saved) = (0, Date())
    Interruption.install()
    for (index, stem) in stems.enumerated() {
      if Interruption.isRequested {
        progress.clear()
        try save()
        note("stopped; the same command continues")
        throw ExitCode(Interruption.status)
      }
      let (picture, problems) = comparison.picture(stem, continuing: pictures[stem])
      pictures[stem] = picture
      if !problems.isEmpty { progress.clear() }
      for problem in problems { note("error: \(problem)") }
      failures += problems.count
      progress.update(Double(index + 1) / Double(stems.count))
      // So that little is lost when the process is killed.
      if Date().timeIntervalSince(saved) > 10 {
        try save()
        saved = Date()
      }
    }
    progress.clear()
    report.pictures = stems.compactMap { pictures[$0] }
    try write(report, to: folder, comparison, suite, failures: failures)
  }

  /// Writes the report and tells of it.
  private func write(
    _ report: EvaluationReport, to folder: ReportFolder, _ comparison: FolderComparison,
    _ suite: MetricSuite, failures: Int
  ) throws {
    guard !report.pictures.isEmpty else {
      throw EvaluationError("no picture could be scored")
    }
    try folder.write(report, source: self.report.crops ? comparison.panel : nil)
    try StandardOutput.print("\(report.table)\n\n\(self.report.output)/index.html")
    for (reason, metrics) in Dictionary(grouping: suite.unavailable, by: \.reason)
      .sorted(by: { $0.key < $1.key })
    {
      note("not available: \(metrics.map(\.title).joined(separator: ", ")) (\(reason))")
    }
    if failures > 0 { throw ExitCode.failure }
  }
}
