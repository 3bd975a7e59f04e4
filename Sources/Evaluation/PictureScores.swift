import Foundation

/// What a process found out about one picture of a comparison, for another that writes the report.
public struct PictureScores: Codable, Sendable {
  /// The figures; nil: there are none.
  public let picture: EvaluationReport.Picture?
  /// A line for each file that is missing, damaged or of the wrong size.
  public let problems: [String]

  public init(picture: EvaluationReport.Picture?, problems: [String]) {
    (self.picture, self.problems) = (picture, problems)
  }

  /// The figures as text, to the last bit.
  public func json() throws -> String {
    let encoder = JSONEncoder.forMeasurements([.sortedKeys, .withoutEscapingSlashes])
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// - Throws: `DecodingError` where the text is no such figures.
  public init(json: String) throws {
    self = try JSONDecoder.forMeasurements().decode(Self.self, from: Data(json.utf8))
  }
}

extension FolderComparison {
  /// A text that changes when one of the files with a name does, the same on all machines that see
  /// the folders.
  public func identity(of stem: String) -> String {
    let folders =
      methods
      + [(EvaluationReport.reference, reference), (EvaluationReport.input, input)]
      .compactMap { name, folder in folder.map { (name, $0) } }
    let files = folders.map { name, folder -> String in
      guard let path = try? folder.counterpart(of: stem), let stamp = try? FileStamp(path) else {
        return "\(name) none"
      }
      return "\(name) \((path as NSString).lastPathComponent) \(stamp.size) \(stamp.modified)"
    }
    return ([stem] + files).joined(separator: "\0")
  }
}
