import Foundation
import Imaging

/// How well text can still be read: the edit distance of the text in a restored picture from that in
/// the reference, divided by the length of the latter; 0 for the same text, above 1 where much is
/// read that is not there.
public struct CharacterErrorRate: Sendable {
  private let recognition: TextRecognition

  /// - Throws: `EvaluationError` where tesseract is not installed.
  public init() throws { recognition = try TextRecognition() }

  /// The text of a picture, to compare with.
  /// - Throws: `EvaluationError` where tesseract fails.
  public func text(in image: Image) throws -> String { try recognition(image) }

  /// - Returns: nil where the reference has no text.
  public static func rate(_ text: String, reference: String) -> Double? {
    reference.isEmpty ? nil : Double(editDistance(text, reference)) / Double(reference.count)
  }

  /// The least number of characters to insert, remove or replace (Levenshtein, 1966).
  static func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var row = Array(0...b.count)  // distances from the first i characters of a
    for i in a.indices {
      var diagonal = row[0]
      row[0] = i + 1
      for j in b.indices {
        let replaced = diagonal + (a[i] == b[j] ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, diagonal + 1, row[j] + 1)
      }
    }
    return row[b.count]
  }
}

/// The text in a picture, read by tesseract.
struct TextRecognition: Sendable {
  /// Of a word, in percent: tesseract reads letters into any texture, without being sure of them.
  static let leastConfidence = 60.0
  private let program: String

  /// - Throws: `EvaluationError` where it is not installed.
  init() throws {
    guard let program = ChildProcess.find("tesseract") else {
      throw EvaluationError("tesseract is not installed (Debian's package tesseract-ocr)")
    }
    self.program = program
  }

  /// The words that tesseract is sure of, with single spaces between them.
  func callAsFunction(_ image: Image) throws -> String {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("nsarm-text-\(UUID().uuidString).ppm")
    defer { try? FileManager.default.removeItem(at: file) }
    let rgb = image.rgb
    try (Data("P6\n\(rgb.width) \(rgb.height)\n255\n".utf8) + rgb.bytes).write(to: file)
    // Its threads cost more than they save on pictures of this size.
    let run = try ChildProcess(
      program, [file.path, "stdout", "tsv"],
      environment: ["OMP_THREAD_LIMIT": "1"])
    guard run.status == 0 else {
      throw EvaluationError("tesseract failed with status \(run.status): \(run.lastError)")
    }
    return Self.words(String(decoding: run.output, as: UTF8.self)).joined(separator: " ")
  }

  /// Words from tesseract's table of tab-separated values, whose last columns are confidence and
  /// text.
  static func words(_ table: String) -> [String] {
    table.split(whereSeparator: \.isNewline).dropFirst().compactMap { line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard fields.count == 12, let confidence = Double(fields[10]),
        confidence >= leastConfidence
      else { return nil }
      let word = fields[11].trimmingCharacters(in: .whitespaces)
      return word.isEmpty ? nil : word
    }
  }
}
