import Files
import Foundation

/// A folder with a report: `report.json`, `report.csv` and the page `index.html`.
///
/// Each file is written atomically, so that an interrupted run leaves a report from which it can be
/// continued.
public struct ReportFolder: Sendable {
  public let path: String
  /// The existing report, where it was made under the same settings.
  public let earlier: EvaluationReport?

  /// Creates the folder where it does not exist.
  ///
  /// - Parameter overwrite: whether to ignore and replace an earlier report.
  /// - Throws: `EvaluationError` where the folder holds other files, or a report that is damaged or
  ///   was made under different settings.
  public init(_ path: String, settings: EvaluationReport.Settings, overwrite: Bool) throws {
    self.path = path
    let json = (path as NSString).appendingPathComponent("report.json")
    let files = FileManager.default
    var isFolder: ObjCBool = false
    if files.fileExists(atPath: path, isDirectory: &isFolder) {
      guard isFolder.boolValue else {
        throw EvaluationError("\(path): is a file; choose another folder for the report")
      }
      let names = ((try? files.contentsOfDirectory(atPath: path)) ?? [])
        .filter { !$0.hasPrefix(".") }
      guard names.isEmpty || names.contains("report.json") else {
        throw EvaluationError(
          "\(path): the folder exists and holds no report; choose another folder for the report")
      }
    } else {
      do {
        try files.createDirectory(atPath: path, withIntermediateDirectories: true)
      } catch {
        throw EvaluationError("\(path): the folder cannot be created; choose another one")
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
        "\(json): no report of this version", .otherReport)
    }
    guard report.settings == settings else {
      throw EvaluationError(
        "\(json): was made under other settings (\(settings.differences(from: report.settings)))",
        .otherReport)
    }
    earlier = report
  }

  /// Writes only `report.json`, from which a run can be continued.
  /// - Throws: `FileError`.
  public func save(_ report: EvaluationReport) throws {
    try write(try report.json(), "report.json")
  }

  /// Writes `report.json` unless there is one: what comes into the folder then belongs to it.
  /// - Throws: `FileError`.
  func mark(_ report: EvaluationReport) throws {
    let path = (path as NSString).appendingPathComponent("report.json")
    do { try AtomicFile.write(report.json(), to: path, overwrite: false) } catch FileError.exists {}
  }

  /// Writes all files.
  /// - Parameter source: the source of the crops on the page; nil for no crops.
  /// - Throws: `FileError`, and the errors of `source`.
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
  /// The differences, such as "border 0, now 4".
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
