import Foundation

/// The form of `report.json`: the figures, and what follows from them for other programs.
private struct ReportDocument: Codable {
  /// Of the file's form.
  static let version = 1

  let version: Int
  let report: EvaluationReport
  /// Written for readers and not read.
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
  /// Pretty-printed JSON with sorted keys; infinities as texts.
  public func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try encoder.encode(ReportDocument(self))
  }

  /// - Throws: `DecodingError` where the data is no report.
  public init(json: Data) throws {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    self = try decoder.decode(ReportDocument.self, from: json).report
  }
}
