import Foundation

/// The curves of a run, built from its logs.
struct RunHistory {
  /// What a value belongs to; the raw values are the tags of TensorBoard.
  enum Kind: String, CaseIterable {
    case loss
    case validation
    case figure = "figures"
    case gradientNorm = "gradient_norm"
    case learningRate = "learning_rate"
    case throughput
    case rank = "rank_samples_per_second"
  }

  /// A value of one update.
  struct Value {
    let kind: Kind
    /// Empty for a kind with a single curve.
    let name: String
    let step: Int
    let number: Double

    /// "loss/generator".
    var tag: String { name.isEmpty ? kind.rawValue : kind.rawValue + "/" + name }
  }

  /// The number of ranks up to which each has a curve; more are summed up by three.
  private static let ranks = 8

  private(set) var curves: [Kind: [String: Curve]] = [:]
  /// The number of the newest update.
  private(set) var step = 0
  private(set) var skipped = 0
  private(set) var lastSkipped: Int?
  /// The duration of an update in seconds, averaged over about a hundred.
  private(set) var secondsPerUpdate: Double?
  /// The part of an update spent waiting for data, averaged likewise.
  private(set) var waiting: Double?

  func curve(_ kind: Kind, _ name: String = "") -> Curve? { curves[kind]?[name] }

  /// Adds a line of `log.jsonl`.
  /// - Returns: its values.
  mutating func addUpdate(_ entry: [String: Any]) -> [Value] {
    guard let step = entry["step"] as? Int else { return [] }
    self.step = step
    if entry["skipped"] != nil {
      skipped += 1
      lastSkipped = step
    }
    var values: [Value] = []
    func take(_ kind: Kind, _ name: String, _ object: Any?) {
      guard let number = Self.number(object) else { return }
      values.append(Value(kind: kind, name: name, step: step, number: number))
    }
    for (kind, key) in [
      (Kind.loss, "loss"), (.figure, "figures"), (.gradientNorm, "gradient_norm"),
    ] {
      for (name, object) in entry[key] as? [String: Any] ?? [:] { take(kind, name, object) }
    }
    take(.learningRate, "", entry["learning_rate"])
    take(.throughput, "samples_per_second", entry["samples_per_second"])
    let ranks = (entry["rank_samples_per_second"] as? [Any] ?? []).compactMap(Self.number)
    for (name, number) in Self.named(ranks) { take(.rank, name, number) }
    if let seconds = Self.number(entry["seconds"]), seconds > 0 {
      func averaged(_ old: Double?, _ new: Double) -> Double {
        old.map { 0.99 * $0 + 0.01 * new } ?? new
      }
      secondsPerUpdate = averaged(secondsPerUpdate, seconds)
      if let wait = Self.number(entry["wait_seconds"]) {
        waiting = averaged(waiting, wait / seconds)
      }
    }
    add(values)
    return values
  }

  /// Adds a line of `validation.jsonl`.
  /// - Returns: its values.
  mutating func addValidation(_ entry: [String: Any]) -> [Value] {
    guard let step = entry["step"] as? Int else { return [] }
    let values = (entry["figures"] as? [String: Any] ?? [:]).compactMap { name, object in
      Self.number(object).map { Value(kind: .validation, name: name, step: step, number: $0) }
    }
    add(values)
    return values
  }

  private mutating func add(_ values: [Value]) {
    for value in values {
      curves[value.kind, default: [:]][value.name, default: Curve()].add(value.step, value.number)
    }
  }

  /// The throughputs of ranks by name.
  private static func named(_ ranks: [Double]) -> [(String, Double)] {
    guard ranks.count > Self.ranks else { return ranks.enumerated().map { ("\($0)", $1) } }
    let sorted = ranks.sorted()
    return [
      ("slowest", sorted[0]), ("median", sorted[sorted.count / 2]),
      ("fastest", sorted[sorted.count - 1]),
    ]
  }

  /// A finite number of a log, in which others are text.
  private static func number(_ object: Any?) -> Double? {
    (object as? Double).flatMap { $0.isFinite ? $0 : nil }
  }
}
