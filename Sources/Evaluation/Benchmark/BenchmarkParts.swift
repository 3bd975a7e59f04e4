import Foundation

/// The work of a benchmark in parts, which several processes share: a case with the methods that
/// restore picture by picture, or a set with a method that takes folders.
extension Benchmark {
  private enum Part {
    case picture(BenchmarkCase)
    case folder([BenchmarkCase], any EvaluationMethod)
  }

  private var allParts: [Part] {
    var sets: [String] = []
    for item in cases where sets.last != item.set { sets.append(item.set) }
    let folders = sets.flatMap { set in
      methods.filter(\.takesFolders).map { method in
        Part.folder(cases.filter { $0.set == set }, method)
      }
    }
    // First those that take longest.
    return folders + cases.map(Part.picture)
  }

  /// Texts that tell the parts apart, and change with everything that a part's results depend on.
  public var parts: [String] {
    func text(_ item: BenchmarkCase, _ method: any EvaluationMethod) -> String {
      "\(method.name) \((try? identity(item, method)) ?? "missing")"
    }
    return allParts.map { part in
      switch part {
      case .picture(let item):
        ([item.set, item.label] + methods.filter { !$0.takesFolders }.map { text(item, $0) })
          .joined(separator: "\0")
      case .folder(let items, let method):
        ([items[0].set] + items.map { "\($0.label) \(text($0, method))" }).joined(separator: "\0")
      }
    }
  }

  /// Everything that results depend on and that is the same for all parts, by name.
  public var settings: [String: String] {
    let identities = methods.compactMap { method in
      (try? method.identity(set: "", label: "")).map { (method.name, $0) }
    }
    return Dictionary(identities, uniquingKeysWith: { first, _ in first }).merging([
      "methods": methods.map(\.name).joined(separator: ", "),
      "metrics": metrics.map(\.title).joined(separator: " "),
    ]) { $1 }
  }

  /// Measures what is missing of a part.
  ///
  /// - Parameters:
  ///   - index: the part's place in `parts`.
  ///   - isStopped: called after every picture of a method.
  /// - Returns: the results as text, for `report(merging:)`, messages about pictures and methods
  ///   that could not be measured, and whether nothing is missing; nil where it was stopped.
  /// - Throws: as `run` does.
  public func measure(part index: Int, isStopped: () -> Bool) throws -> (
    results: String, problems: [String], isComplete: Bool
  )? {
    var problems: [String] = []
    func report(_ problem: String?) { if let problem { problems.append(problem) } }
    let (items, chosen): ([BenchmarkCase], [any EvaluationMethod])
    switch allParts[index] {
    case .picture(let item): (items, chosen) = ([item], methods.filter { !$0.takesFolders })
    case .folder(let all, let method): (items, chosen) = (all, [method])
    }
    let names = Set(chosen.map(\.name))
    func missing(_ item: BenchmarkCase) -> [any EvaluationMethod] {
      unscored(item).filter { names.contains($0.name) }
    }
    begin(items[0].set)
    try restoreWholeSet(chosen, items) { report($0) }
    for item in items {
      guard try measure(item, missing(item), isStopped: isStopped, { report($1) }) else {
        return nil
      }
    }
    // All of the part that the file lacks: what this process measured under a claim that it lost
    // may be asked of it again.
    let labels = Set(items.map(\.label))
    let lines = results.fresh.filter {
      $0.set == items[0].set && labels.contains($0.label)
        && (names.contains($0.method) || $0.method == EvaluationReport.reference)
    }
    let encoder = JSONEncoder.forMeasurements([.sortedKeys, .withoutEscapingSlashes])
    let text = String(decoding: try encoder.encode(lines), as: UTF8.self)
    return (text, problems, items.allSatisfy { missing($0).isEmpty })
  }

  /// A method that failed is left out of the rest of a set.
  private func begin(_ set: String) {
    if self.set != set { (self.set, failed) = (set, []) }
  }

  /// Writes the report on the results of all parts.
  /// - Throws: as `run` does; `EvaluationError` also where the texts are not those of `measure`.
  public func report(merging parts: [String], showsCrops: Bool) throws -> EvaluationReport {
    let all = try BenchmarkResults("\(folder.path)/results.jsonl", overwrite: false)
    let decoder = JSONDecoder.forMeasurements()
    for part in parts {
      guard let lines = try? decoder.decode([BenchmarkResults.Line].self, from: Data(part.utf8))
      else { throw EvaluationError("\(folder.path): results of another version of this program") }
      // A picture of a method that takes folders has a line without scores first.
      for line in lines
      where all.line(line.set, line.label, line.method, line.identity)?.scores == nil {
        try all.append(line)
      }
    }
    results = all
    return try write(showsCrops: showsCrops)
  }
}
