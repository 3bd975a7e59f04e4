import Files
import Foundation
import Imaging

/// Recognises the text in a picture with tesseract.
struct TextRecognition: Sendable {
  /// The smallest confidence of a word in percent: tesseract finds letters in any texture, with low
  /// confidence.
  static let minimumConfidence = 60.0
  private let program: String

  /// - Throws: `EvaluationError` where tesseract is not installed.
  init() throws {
    guard let program = ChildProcess.find("tesseract") else {
      throw EvaluationError("tesseract is not installed (Debian's package tesseract-ocr)")
    }
    self.program = program
  }

  /// The words with sufficient confidence, separated by single spaces.
  func callAsFunction(_ image: Image) throws -> String {
    let rgb = image.rgb
    let run = try TemporaryFolder.with { folder in
      let file = "\(folder)/picture.ppm"
      try (Data("P6\n\(rgb.width) \(rgb.height)\n255\n".utf8) + rgb.bytes)
        .write(to: URL(fileURLWithPath: file))
      // Its threads cost more than they save on pictures of this size.
      return try ChildProcess.run(
        program, [file, "stdout", "tsv"], environment: ["OMP_THREAD_LIMIT": "1"])
    }
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
        confidence >= minimumConfidence
      else { return nil }
      let word = fields[11].trimmingCharacters(in: .whitespaces)
      return word.isEmpty ? nil : word
    }
  }
}
