import Files
import Foundation

/// The output folder of a run: its lock, its logs (one JSON object per line) and its previews.
final class RunFolder {
  let path: String
  private let lock: Int32
  private var files: [String: FileHandle] = [:]

  /// Creates the folder where it is missing.
  /// - Throws: `TrainingError.unwritable`, or `.outputInUse` while another process trains into it.
  init(_ path: String) throws {
    self.path = path
    try writing(path) {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    lock = open(path + "/.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
    guard lock >= 0 else {
      throw TrainingError.unwritable(path: path, reason: String(cString: strerror(errno)))
    }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { throw TrainingError.outputInUse(folder: path) }
  }

  deinit {
    files.values.forEach { try? $0.close() }
    if lock >= 0 { close(lock) }
  }

  /// Refuses a folder without a checkpoint in which there is something that a run would replace and
  /// that no run without a checkpoint has written.
  /// - Throws: `TrainingError.foreign` naming it.
  static func refuseForeign(_ folder: String) throws {
    for (name, key) in [("log.jsonl", "loss"), ("validation.jsonl", "figures")] {
      let path = folder + "/" + name
      guard let data = FileManager.default.contents(atPath: path) else { continue }
      // A run that was killed may have left half a line at the end.
      let lines = data.split(separator: UInt8(ascii: "\n"))
      for line in data.last == UInt8(ascii: "\n") ? lines[...] : lines.dropLast() {
        let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any]
        guard object?["step"] is Int, object?[key] is [String: Any] else {
          throw TrainingError.foreign(
            path: path, problem: "is there already, and no log of a training run")
        }
      }
    }
    let model = folder + "/model"
    if FileManager.default.fileExists(atPath: model) {
      throw TrainingError.foreign(
        path: model, problem: "is there already, without a checkpoint to go on from")
    }
  }

  /// Removes what an interrupted run wrote after update `step`: log lines and previews.
  func rewind(to step: Int) throws {
    for name in ["log.jsonl", "validation.jsonl"] {
      let file = path + "/" + name
      guard let data = FileManager.default.contents(atPath: file) else { continue }
      var kept = Data()
      for line in data.split(separator: UInt8(ascii: "\n")) {
        guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any],
          let number = object["step"] as? Int, number <= step
        else { continue }
        kept.append(line)
        kept.append(UInt8(ascii: "\n"))
      }
      if kept != data { try writing(file) { try AtomicFile.write(kept, to: file) } }
    }
    let previews = path + "/previews"
    for name in (try? FileManager.default.contentsOfDirectory(atPath: previews)) ?? [] {
      if let number = numbered(name, prefix: "step-", suffix: ".jpg"), number > step {
        try? FileManager.default.removeItem(atPath: previews + "/" + name)
      }
    }
  }

  /// Appends one line to a log.
  func append(_ line: JSONLine, to name: String) throws {
    try writing(path + "/" + name) {
      if files[name] == nil {
        let file = path + "/" + name
        if !FileManager.default.fileExists(atPath: file) {
          try Data().write(to: URL(fileURLWithPath: file))
        }
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
        try handle.seekToEnd()
        files[name] = handle
      }
      try files[name]!.write(contentsOf: Data((line.text + "\n").utf8))
    }
  }
}

/// The number in a name such as "step-000123.jpg".
func numbered(_ name: String, prefix: String, suffix: String = "") -> Int? {
  guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
  let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
  return digits.allSatisfy(\.isNumber) ? Int(digits) : nil
}

func padded(_ number: Int) -> String {
  let digits = String(number)
  return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
}

/// Runs `body`, which writes `path`.
/// - Throws: `TrainingError.unwritable` with the reason why it could not.
func writing(_ path: String, _ body: () throws -> Void) throws {
  do {
    try body()
  } catch {
    throw TrainingError.unwritable(path: path, reason: reason(error))
  }
}

/// What an error says; the system's words, without domain and code, for Foundation's.
func reason(_ error: any Error) -> String {
  switch error as? FileError {
  case .unwritable(_, let reason): return reason
  case .diskFull: return String(cString: strerror(ENOSPC))
  default: break
  }
  guard type(of: error) is NSError.Type || error is CocoaError || error is POSIXError else {
    return "\(error)"
  }
  let error = error as NSError
  if let underlying = error.userInfo[NSUnderlyingErrorKey] as? NSError,
    underlying.domain == NSPOSIXErrorDomain
  {
    return String(cString: strerror(Int32(underlying.code)))
  }
  if error.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(error.code))) }
  return error.localizedDescription
}

/// A JSON object on one line whose keys keep their order. Numbers that are not finite become
/// strings.
struct JSONLine {
  private var fields: [String] = []

  mutating func add(_ key: String, _ value: Int) { fields.append("\(quoted(key)):\(value)") }

  mutating func add(_ key: String, _ value: Double) {
    fields.append("\(quoted(key)):" + number(value))
  }

  mutating func add(_ key: String, _ values: [String: Double]) {
    let inner = values.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(number($0.value))" }
    fields.append("\(quoted(key)):{\(inner.joined(separator: ","))}")
  }

  var text: String { "{" + fields.joined(separator: ",") + "}" }

  private func number(_ value: Double) -> String {
    value.isFinite ? "\(value)" : value.isNaN ? "\"nan\"" : "\"\(value)\""
  }

  private func quoted(_ text: String) -> String {
    "\""
      + text.replacingOccurrences(of: "\\", with: "\\\\")
      .replacingOccurrences(of: "\"", with: "\\\"") + "\""
  }
}
