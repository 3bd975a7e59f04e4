import Files
import Foundation
import Imaging
import Torch

/// Makes the inputs of test sets, restores them with every method, and measures time and quality.
///
/// Besides the report, its folder holds `inputs/SET/LABEL.png`, `pictures/METHOD/SET/LABEL.png` for
/// slow methods, and `results.jsonl`, from which an interrupted run resumes. Pictures are scored in
/// memory, as the methods return them.
public final class Benchmark {
  let cases: [BenchmarkCase]
  let methods: [any EvaluationMethod]
  private let suite: MetricSuite
  private let scale: Int
  let folder: ReportFolder
  var results: BenchmarkResults
  private let empty: EvaluationReport
  /// Methods that failed in the current set, for the rest of which they are left out.
  var failed: Set<String> = []
  /// The set that `failed` is about, where several processes share the work.
  var set: String?
  /// The most recently shown pictures: a report requests those of a case one after the other.
  private var shown: (set: String, label: String, pictures: BenchmarkCase.Pictures)?

  /// - Parameters:
  ///   - data: the folder that relative folders of sets refer to.
  ///   - scale: the factor between the sides of output and input.
  ///   - notes: descriptions of the methods for the report.
  ///   - path: the folder of the results and the report.
  ///   - overwrite: whether to discard earlier results.
  ///   - isShared: whether other processes work in the same folder, part by part (`parts`).
  /// - Throws: `EvaluationError` where a set is missing, two methods have the same name, or the
  ///   folder holds something else or a benchmark with different metrics.
  public init(
    _ sets: BenchmarkSets, data: String, methods: [any EvaluationMethod], suite: MetricSuite,
    scale: Int, notes: [String: String], to path: String, overwrite: Bool = false,
    isShared: Bool = false
  ) throws {
    try EvaluationReport.check(
      names: methods.map(\.name), reserved: EvaluationReport.reference, EvaluationReport.input)
    cases = try sets.sets.flatMap { try BenchmarkCase.all(of: $0, data: data) }
    self.methods = methods
    self.suite = suite
    self.scale = scale
    empty = EvaluationReport(
      settings: .init(suite, others: ["scale": "\(scale)"]), notes: notes,
      unavailable: suite.unavailable,
      methods: methods.map(\.name) + [EvaluationReport.reference])
    folder = try ReportFolder(path, settings: empty.settings, overwrite: overwrite)
    let file = "\(path)/results.jsonl"
    if isShared {
      results = try BenchmarkResults(reading: file)
      try folder.mark(empty)
      return
    }
    results = try BenchmarkResults(file, overwrite: overwrite)
    // Marks the folder as a benchmark's, even if this run is killed.
    if folder.earlier == nil { try folder.save(empty) }
  }

  /// The metrics that are computed.
  var metrics: [Metric] { suite.metrics }

  /// The progress of a run.
  public struct Progress {
    /// The number of pictures restored so far by all methods, and the total of this run.
    public let done, total: Int
    /// The message about a picture or method that could not be measured.
    public let problem: String?
  }

  /// Measures the missing results and writes the report. Unreadable pictures are left out; a method
  /// that fails is left out of the rest of the set.
  ///
  /// - Parameters:
  ///   - showsCrops: whether the page shows crops of pictures.
  ///   - isStopped: called after every picture of a method; a stopped run writes no report.
  /// - Returns: the report, or nil where the run was stopped.
  /// - Throws: `EvaluationError`, `FileError` where the folder cannot be written; `EvaluationError`
  ///   also where nothing could be measured.
  public func run(
    showsCrops: Bool = true, isStopped: () -> Bool = { false },
    progress: (Progress) -> Void = { _ in }
  ) throws -> EvaluationReport? {
    let total = cases.reduce(0) { $0 + unscored($1).count }
    var done = 0
    func report(_ count: Int, _ problem: String?) {
      done += count
      progress(Progress(done: done, total: total, problem: problem))
    }
    var begun: Set<String> = []
    for item in cases {
      if begun.insert(item.set).inserted {
        failed = []
        try restoreWholeSet(methods, cases.filter { $0.set == item.set }) { report(0, $0) }
      }
      guard try measure(item, unscored(item), isStopped: isStopped, report) else { return nil }
    }
    return try write(showsCrops: showsCrops)
  }

  /// Restores a case with methods, and scores what comes of it.
  ///
  /// - Parameter report: called with the number of methods that have been dealt with since the last
  ///   call, and with problems.
  /// - Returns: false where it was stopped.
  func measure(
    _ item: BenchmarkCase, _ methods: [any EvaluationMethod], isStopped: () -> Bool,
    _ report: (Int, String?) -> Void
  ) throws -> Bool {
    guard !methods.isEmpty else { return true }
    let pictures: BenchmarkCase.Pictures
    do {
      pictures = try item.pictures(scale: scale)
    } catch {
      report(methods.count, "\(error)")
      return true
    }
    let input = input(item, pictures)
    try write(input.image, to: input.file)
    let reference = try throwingResourceErrors { pictures.original.map(suite.reference) }
    if let reference, result(item, nil) == nil {
      let scores = try throwingResourceErrors { suite.scores(reference) }
      try append(item, nil, input.rect, nil, scores)
    }
    for method in methods {
      if let (image, seconds) = try restored(method, item, input, { report(0, $0) }) {
        let scores = try throwingResourceErrors { suite.scores(image, reference) }
        try append(item, method, image.rect, seconds, scores)
      }
      report(1, nil)
      if isStopped() { return false }
    }
    return true
  }

  /// Writes the report.
  /// - Throws: `FileError`; `EvaluationError` where nothing could be measured.
  func write(showsCrops: Bool) throws -> EvaluationReport {
    var result = empty
    result.pictures = cases.compactMap(entry)
    guard !result.pictures.isEmpty else {
      throw EvaluationError("\(folder.path): no picture could be measured")
    }
    try folder.write(result, source: showsCrops ? panel : nil)
    return result
  }

  /// Lets those of the methods that take folders restore the missing pictures of a set.
  func restoreWholeSet(
    _ methods: [any EvaluationMethod], _ cases: [BenchmarkCase], _ report: (String?) -> Void
  ) throws {
    for method in methods where method.takesFolders {
      var waiting: [BenchmarkCase] = []
      var files: [(input: String, output: String)] = []
      for item in cases {
        let output = path(method, item)
        if let line = result(item, method),
          line.scores != nil || FileManager.default.fileExists(atPath: output)
        {
          continue
        }
        // Unreadable pictures are reported when they are scored.
        guard let pictures = try? item.pictures(scale: scale) else { continue }
        let input = input(item, pictures)
        try write(input.image, to: input.file)
        waiting.append(item)
        try createFolder(parentFolder(of: output))
        files.append((input.file, output))
      }
      guard !files.isEmpty,
        let seconds = attempt(report, method, waiting[0], { try method.restoreAll(files) })
      else { continue }
      for (item, file) in zip(waiting, files) {
        try append(item, method, ImageFile.open(file.output).rect, seconds, nil)
      }
    }
  }

  /// A method's picture, which is also stored as a file; nil where the method failed.
  private func restored(
    _ method: any EvaluationMethod, _ item: BenchmarkCase, _ input: MethodInput,
    _ report: (String?) -> Void
  ) throws -> (image: Image, seconds: Double?)? {
    guard !failed.contains(method.name) else { return nil }
    if method.takesFolders {
      return attempt(report, method, item) {
        let image = try ImageFile.readRGB(
          path(method, item), width: input.width, height: input.height)
        return (image, result(item, method)?.seconds)
      }
    }
    let restored = attempt(report, method, item) { try method.restore(input) }
    if let restored, method.keepsPictures {
      try write(restored.image, to: path(method, item))
    }
    return restored
  }

  private func attempt<T>(
    _ report: (String?) -> Void, _ method: any EvaluationMethod, _ item: BenchmarkCase,
    _ body: () throws -> T
  ) -> T? {
    do {
      return try body()
    } catch {
      failed.insert(method.name)
      report("\(method.name) is left out of the rest of \(item.set): \(error)")
      return nil
    }
  }
}

// MARK: Results

extension Benchmark {
  /// The methods without scores for a case.
  func unscored(_ item: BenchmarkCase) -> [any EvaluationMethod] {
    methods.filter { result(item, $0)?.scores == nil }
  }

  /// The stored result of a method's picture (nil: the reference) under the current identity.
  private func result(_ item: BenchmarkCase, _ method: (any EvaluationMethod)?)
    -> BenchmarkResults.Line?
  {
    let name = method?.name ?? EvaluationReport.reference
    return (try? identity(item, method)).flatMap { results.line(item.set, item.label, name, $0) }
  }

  func identity(_ item: BenchmarkCase, _ method: (any EvaluationMethod)?) throws -> String {
    [try item.identity(scale: scale), try method?.identity(set: item.set, label: item.label)]
      .compactMap { $0 }.joined(separator: ", ")
  }

  private func append(
    _ item: BenchmarkCase, _ method: (any EvaluationMethod)?, _ size: PixelRect,
    _ seconds: Double?, _ scores: Scores?
  ) throws {
    try results.append(
      BenchmarkResults.Line(
        set: item.set, label: item.label, method: method?.name ?? EvaluationReport.reference,
        identity: try identity(item, method), seconds: seconds, scores: scores, width: size.width,
        height: size.height))
  }

  /// The report's entry for a case; nil where no method has scores.
  private func entry(_ item: BenchmarkCase) -> EvaluationReport.Picture? {
    let lines = methods.compactMap { result(item, $0) }.filter { $0.scores != nil }
    guard let first = lines.first else { return nil }
    var picture = item.entry(width: first.width, height: first.height, scale: scale)
    picture.scores[EvaluationReport.reference] = result(item, nil)?.scores
    for line in lines {
      picture.scores[line.method] = line.scores
      picture.seconds[line.method] = line.seconds
    }
    return picture
  }
}

// MARK: Files

extension Benchmark {
  /// The path of a method's stored picture.
  private func path(_ method: any EvaluationMethod, _ item: BenchmarkCase) -> String {
    "\(folder.path)/pictures/\(method.name)/\(item.set)/\(item.label).png"
  }

  /// The input of the methods.
  private func input(_ item: BenchmarkCase, _ pictures: BenchmarkCase.Pictures) -> MethodInput {
    MethodInput(
      set: item.set, label: item.label, image: pictures.input, original: pictures.original,
      seed: item.seed, file: "\(folder.path)/inputs/\(item.set)/\(item.label).png",
      width: pictures.input.width * scale, height: pictures.input.height * scale)
  }

  private func write(_ image: Image, to path: String) throws {
    try createFolder(parentFolder(of: path))
    try image.write(to: path, options: EncodingOptions(effort: 1), overwrite: true)
  }

  /// A picture for the report; see `PanelSource`.
  private func panel(_ picture: EvaluationReport.Picture, _ name: String) throws -> Image? {
    guard let item = cases.first(where: { $0.set == picture.set && $0.label == picture.file })
    else { return nil }
    if let method = methods.first(where: { $0.name == name }), method.keepsPictures {
      return try? ImageFile.readRGB(path(method, item))
    }
    if shown?.set != item.set || shown?.label != item.label {
      shown = (item.set, item.label, try item.pictures(scale: scale))
    }
    let pictures = shown!.pictures
    switch name {
    case EvaluationReport.input: return pictures.input
    case EvaluationReport.reference: return pictures.original
    default:
      let method = methods.first { $0.name == name }
      return try? method?.restore(input(item, pictures)).image
    }
  }
}
