import Files
import Foundation

/// The results of a benchmark so far: an append-only file of JSON lines, so that a killed run loses
/// at most its current picture.
final class BenchmarkResults {
  /// The result of a method for a case.
  struct Line: Codable {
    let set, label, method: String
    /// A description of everything that determines the result; results with a different identity
    /// are not used.
    let identity: String
    let seconds: Double?
    /// Nil where the picture exists but has not been scored.
    let scores: Scores?
    /// The size of the restored picture in pixels.
    let width, height: Int
  }

  private struct Key: Hashable { let set, label, method: String }

  private let path: String
  /// Nil where another process writes the file.
  private let file: FileHandle?
  private var lines: [Key: Line] = [:]
  /// The lines that have been appended, where another process writes the file.
  private(set) var fresh: [Line] = []

  /// Opens or creates the file.
  ///
  /// - Parameter overwrite: whether to discard earlier results.
  /// - Throws: `EvaluationError` where it cannot be written, or another process is writing it.
  init(_ path: String, overwrite: Bool) throws {
    self.path = path
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw EvaluationError("\(path): cannot be written (\(String(cString: strerror(errno))))")
    }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    self.file = file
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw EvaluationError(
        "\(path): another process is at this benchmark", .reportInUse)
    }
    if overwrite { try file.truncate(atOffset: 0) }
    let data = try file.readToEnd() ?? Data()
    // An incomplete last line stems from a killed process.
    let whole = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    try file.truncate(atOffset: UInt64(whole))
    try read(data[..<whole])
  }

  /// Reads what there is of the file, which another process writes.
  /// - Throws: `EvaluationError` where it is of another form.
  init(reading path: String) throws {
    (self.path, file) = (path, nil)
    let data = FileManager.default.contents(atPath: path) ?? Data()
    let whole = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    try read(data[..<whole])
  }

  private func read(_ data: Data) throws {
    let decoder = JSONDecoder.forMeasurements()
    for line in data.split(separator: UInt8(ascii: "\n")) {
      guard let line = try? decoder.decode(Line.self, from: line) else {
        throw EvaluationError(
          "\(path): holds a line of another form", .otherReport)
      }
      lines[Key(set: line.set, label: line.label, method: line.method)] = line
    }
  }

  /// The result with this identity, if there is one.
  func line(_ set: String, _ label: String, _ method: String, _ identity: String) -> Line? {
    lines[Key(set: set, label: label, method: method)].flatMap {
      $0.identity == identity ? $0 : nil
    }
  }

  /// - Throws: `EvaluationError` where the disk is full, for example.
  func append(_ line: Line) throws {
    if let file {
      let encoder = JSONEncoder.forMeasurements([.sortedKeys, .withoutEscapingSlashes])
      do {
        try file.write(contentsOf: try encoder.encode(line) + [UInt8(ascii: "\n")])
      } catch {
        throw EvaluationError("\(path): cannot be written (\(error.localizedDescription))")
      }
    } else {
      fresh.append(line)
    }
    lines[Key(set: line.set, label: line.label, method: line.method)] = line
  }
}
