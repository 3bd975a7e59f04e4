/// Metrics in Prometheus' text format 0.0.4.
struct PrometheusText {
  private(set) var text = ""

  mutating func begin(_ name: String, _ kind: String, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
  }

  /// - Parameter labels: labels such as `state="queued"`; may be empty.
  mutating func value(_ name: String, _ labels: String, _ number: Double) {
    let braces = labels.isEmpty ? "" : "{\(labels)}"
    let digits =
      number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
    text += "\(name)\(braces) \(digits)\n"
  }

  mutating func gauge(_ name: String, _ help: String, _ values: [(labels: String, Double)]) {
    metric(name, "gauge", help, values)
  }

  mutating func metric(
    _ name: String, _ kind: String, _ help: String, _ values: [(labels: String, Double)]
  ) {
    begin(name, kind, help)
    for (labels, number) in values { value(name, labels, number) }
  }
}
