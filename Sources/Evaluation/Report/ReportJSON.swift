import Files
import Foundation

/// The layout of `report.json`: the figures, and derived statistics for other programs.
private struct ReportDocument: Codable {
  /// The version of the layout.
  static let version = 1

  let version: Int
  let report: EvaluationReport
  /// Derived values, written for other programs and not read.
  let statistics: [SetStatistics]?

  enum CodingKeys: CodingKey { case version, report, statistics }

  init(_ report: EvaluationReport) {
    (version, self.report, statistics) = (Self.version, report, report.statistics)
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    version = try container.decode(Int.self, forKey: .version)
    guard version == Self.version else {
      throw DecodingError.dataCorruptedError(
        forKey: .version, in: container, debugDescription: "version \(version)")
    }
    report = try container.decode(EvaluationReport.self, forKey: .report)
    statistics = nil
  }
}

extension EvaluationReport {
  /// Pretty-printed JSON with sorted keys; infinities are strings.
  public func json() throws -> Data {
    try JSONEncoder.forMeasurements([.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
      .encode(ReportDocument(self))
  }

  /// - Throws: `DecodingError` where the data is not a report.
  public init(json: Data) throws {
    self = try JSONDecoder.forMeasurements().decode(ReportDocument.self, from: json).report
  }
}
