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

  /// Rejects a folder without a checkpoint that holds files which a run would replace and which do
  /// not come from a training run.
  /// - Throws: `TrainingError.foreign`, naming the file.
  static func rejectForeign(_ folder: String) throws {
    for (name, key) in [("log.jsonl", "loss"), ("validation.jsonl", "figures")] {
      let path = folder + "/" + name
      guard let data = FileManager.default.contents(atPath: path) else { continue }
      // A killed run may have left an incomplete last line.
      let lines = data.split(separator: UInt8(ascii: "\n"))
      for line in data.last == UInt8(ascii: "\n") ? lines[...] : lines.dropLast() {
        let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any]
        guard object?["step"] is Int, object?[key] is [String: Any] else {
          throw TrainingError.foreign(
            path: path, problem: "exists already and is not a log of a training run")
        }
      }
    }
    let model = folder + "/model"
    if FileManager.default.fileExists(atPath: model) {
      throw TrainingError.foreign(
        path: model, problem: "exists already, without a checkpoint to resume from")
    }
  }

  /// Removes the log lines and previews that an interrupted run wrote after update `step`.
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

  /// Appends an entry to a log, as a line.
  func append(_ entry: some Encodable, to name: String) throws {
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
      let line = try JSONEncoder.forMeasurements(.sortedKeys).encode(entry)
      try files[name]!.write(contentsOf: line + [UInt8(ascii: "\n")])
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

/// Runs `body`, which writes `path`, and converts its errors.
/// - Throws: `TrainingError.unwritable`, with the reason.
func writing(_ path: String, _ body: () throws -> Void) throws {
  do {
    try body()
  } catch {
    throw TrainingError.unwritable(path: path, reason: reason(error))
  }
}

/// The message of an error; for Foundation's errors the system's message, without domain and code.
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
