import Foundation

/// The results of a benchmark so far: a file of JSON lines that only grows, so that a run that is
/// killed loses at most the picture it was working on.
final class BenchmarkResults {
  /// What a method made of a case.
  struct Line: Codable {
    let set, label, method: String
    /// Everything that decides the result; a result of another identity is not used.
    let identity: String
    let seconds: Double?
    /// nil where the picture is there and waits for its scores.
    let scores: Scores?
    /// Of the restored picture.
    let width, height: Int
  }

  private struct Key: Hashable { let set, label, method: String }

  private let path: String
  private let file: FileHandle
  private var lines: [Key: Line] = [:]

  /// Opens the file or makes it.
  ///
  /// - Parameter overwrite: whether earlier results are thrown away.
  /// - Throws: `EvaluationError` where it cannot be written, or another process is writing it.
  init(_ path: String, overwrite: Bool) throws {
    self.path = path
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw EvaluationError("\(path): cannot be written (\(String(cString: strerror(errno))))")
    }
    file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw EvaluationError(
        "\(path): another process is at this benchmark; wait for it or choose another -o")
    }
    if overwrite { try file.truncate(atOffset: 0) }
    let data = try file.readToEnd() ?? Data()
    // A line without its end was being written when the process was killed.
    let whole = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    try file.truncate(atOffset: UInt64(whole))
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    for line in data[..<whole].split(separator: UInt8(ascii: "\n")) {
      guard let line = try? decoder.decode(Line.self, from: line) else {
        throw EvaluationError(
          "\(path): holds a line of another form; --overwrite starts afresh, or choose another -o")
      }
      lines[Key(set: line.set, label: line.label, method: line.method)] = line
    }
  }

  /// The result of this identity, if it is there.
  func line(_ set: String, _ label: String, _ method: String, _ identity: String) -> Line? {
    lines[Key(set: set, label: label, method: method)].flatMap {
      $0.identity == identity ? $0 : nil
    }
  }

  /// - Throws: `EvaluationError` where the disk is full, for example.
  func append(_ line: Line) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do {
      try file.write(contentsOf: try encoder.encode(line) + [UInt8(ascii: "\n")])
    } catch {
      throw EvaluationError("\(path): cannot be written (\(error.localizedDescription))")
    }
    lines[Key(set: line.set, label: line.label, method: line.method)] = line
  }
}
