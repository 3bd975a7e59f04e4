import Files
import Foundation

/// A folder that holds a report: `report.json`, `report.csv` and the page `index.html`.
///
/// Each file is written whole or not at all, so that a run that is stopped leaves a report that it
/// can be continued from.
public struct ReportFolder: Sendable {
  public let path: String
  /// The report that is there already, where it was made under the same settings.
  public let earlier: EvaluationReport?

  /// Makes the folder where there is none.
  ///
  /// - Parameter overwrite: whether an earlier report is ignored and replaced.
  /// - Throws: `EvaluationError` where the folder holds other things, or a report that was made
  ///   under other settings or is damaged.
  public init(_ path: String, settings: EvaluationReport.Settings, overwrite: Bool) throws {
    self.path = path
    let json = (path as NSString).appendingPathComponent("report.json")
    let files = FileManager.default
    var isFolder: ObjCBool = false
    if files.fileExists(atPath: path, isDirectory: &isFolder) {
      guard isFolder.boolValue else {
        throw EvaluationError("\(path): is a file; choose another place for the report")
      }
      let names = ((try? files.contentsOfDirectory(atPath: path)) ?? [])
        .filter { !$0.hasPrefix(".") }
      guard names.isEmpty || names.contains("report.json") else {
        throw EvaluationError(
          "\(path): the folder exists and holds no report; choose another place for the report")
      }
    } else {
      do {
        try files.createDirectory(atPath: path, withIntermediateDirectories: true)
      } catch {
        throw EvaluationError("\(path): the folder cannot be created; choose another place")
      }
    }
    guard !overwrite, files.fileExists(atPath: json) else {
      earlier = nil
      return
    }
    let report: EvaluationReport
    do {
      report = try EvaluationReport(json: Data(contentsOf: URL(fileURLWithPath: json)))
    } catch {
      throw EvaluationError(
        "\(json): no report of this version; --overwrite replaces it, or choose another -o")
    }
    guard report.settings == settings else {
      throw EvaluationError(
        "\(json): was made under other settings (\(settings.differences(from: report.settings))); "
          + "--overwrite replaces it, or choose another -o")
    }
    earlier = report
  }

  /// Writes `report.json` alone: what a run can be continued from.
  /// - Throws: `FileError`.
  public func save(_ report: EvaluationReport) throws {
    try write(try report.json(), "report.json")
  }

  /// Writes all files.
  /// - Parameter source: of the crops on the page; nil: it shows none.
  /// - Throws: `FileError`, and what `source` throws.
  public func write(_ report: EvaluationReport, source: PanelSource?) throws {
    try save(report)
    try write(Data(ReportCSV(report: report).text.utf8), "report.csv")
    let page = ReportPage(report: report, source: source)
    try write(Data(try page.html().utf8), "index.html")
  }

  private func write(_ data: Data, _ name: String) throws {
    try AtomicFile.write(data, to: (path as NSString).appendingPathComponent(name))
  }
}

extension EvaluationReport.Settings {
  /// As "border 0, now 4".
  fileprivate func differences(from earlier: Self) -> String {
    var texts: [String] = []
    func compare(_ name: String, _ then: String, _ now: String) {
      if then != now { texts.append("\(name) \(then), now \(now)") }
    }
    compare("border", "\(earlier.border)", "\(border)")
    compare("crop", earlier.crop.map { "\($0)" } ?? "none", crop.map { "\($0)" } ?? "none")
    func titles(_ metrics: [Metric]) -> String { metrics.map(\.title).joined(separator: " ") }
    compare("metrics", titles(earlier.metrics), titles(metrics))
    for name in Set(others.keys).union(earlier.others.keys).sorted() {
      compare(name, earlier.others[name] ?? "none", others[name] ?? "none")
    }
    return texts.joined(separator: "; ")
  }
}
