import CoreMetrics
import Synchronization

/// A backend of swift-metrics that exports Prometheus' text format 0.0.4.
public final class PrometheusRegistry: MetricsFactory, Sendable {
  /// The registry of this process.
  public static let shared = PrometheusRegistry()

  /// Makes this the backend of swift-metrics; must be called only once in a process.
  public static func install() { _ = installed }
  private static let installed: Void = MetricsSystem.bootstrap(shared)

  private struct Key: Hashable {
    let name: String
    let labels: String
  }

  fileprivate enum Value {
    case counter(Double)
    case gauge(Double)
    case histogram(counts: [Int], sum: Double)
  }

  private let values = Mutex<[Key: Value]>([:])

  /// The upper bounds of the buckets of durations, in seconds.
  private static let buckets = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 120, 600, 3600]

  private func change(_ key: Key, from initial: Value, _ change: (inout Value) -> Void) {
    values.withLock { change(&$0[key, default: initial]) }
  }

  /// All metrics.
  public func text() -> String {
    let values = values.withLock { $0 }
    var text = PrometheusText()
    let groups = Dictionary(grouping: values) { $0.key.name }
    for (name, group) in groups.sorted(by: { $0.key < $1.key }) {
      text.begin(name, group[0].value.kind, MetricHelp.text(name))
      for (key, value) in group.sorted(by: { $0.key.labels < $1.key.labels }) {
        switch value {
        case .counter(let number), .gauge(let number): text.value(name, key.labels, number)
        case .histogram(let counts, let sum):
          let comma = key.labels.isEmpty ? "" : ","
          var total = 0
          for (bound, count) in zip(Self.buckets.map { "\($0)" } + ["+Inf"], counts) {
            total += count
            text.value(name + "_bucket", key.labels + comma + "le=\"\(bound)\"", Double(total))
          }
          text.value(name + "_sum", key.labels, sum)
          text.value(name + "_count", key.labels, Double(total))
        }
      }
    }
    return text.text
  }

  private static func key(_ label: String, _ dimensions: [(String, String)], suffix: String = "")
    -> Key
  {
    func name(_ text: String) -> String {
      String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") ? $0 : "_" })
    }
    let labels = dimensions.map { label, value in
      let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        .replacing("\n", with: "\\n")
      return "\(name(label))=\"\(escaped)\""
    }
    return Key(name: name(label) + suffix, labels: labels.joined(separator: ","))
  }

  // MARK: MetricsFactory

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    Counter(registry: self, key: Self.key(label, dimensions, suffix: "_total"))
  }

  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    Gauge(registry: self, key: Self.key(label, dimensions))
  }

  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool)
    -> any RecorderHandler
  {
    aggregate
      ? Histogram(registry: self, key: Self.key(label, dimensions))
      : Gauge(registry: self, key: Self.key(label, dimensions))
  }

  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    Histogram(registry: self, key: Self.key(label, dimensions, suffix: "_seconds"))
  }

  // Handlers hold no state, so there is nothing to destroy.
  public func destroyCounter(_ handler: any CounterHandler) {}
  public func destroyMeter(_ handler: any MeterHandler) {}
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  public func destroyTimer(_ handler: any TimerHandler) {}

  private final class Counter: CounterHandler {
    let registry: PrometheusRegistry
    let key: Key

    init(registry: PrometheusRegistry, key: Key) { (self.registry, self.key) = (registry, key) }

    func increment(by amount: Int64) {
      registry.change(key, from: .counter(0)) {
        if case .counter(let number) = $0 { $0 = .counter(number + Double(amount)) }
      }
    }

    func reset() { registry.change(key, from: .counter(0)) { $0 = .counter(0) } }
  }

  private final class Gauge: MeterHandler, RecorderHandler {
    let registry: PrometheusRegistry
    let key: Key

    init(registry: PrometheusRegistry, key: Key) { (self.registry, self.key) = (registry, key) }

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { registry.change(key, from: .gauge(0)) { $0 = .gauge(value) } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
    func decrement(by amount: Double) { increment(by: -amount) }

    func increment(by amount: Double) {
      registry.change(key, from: .gauge(0)) {
        if case .gauge(let number) = $0 { $0 = .gauge(number + amount) }
      }
    }
  }

  private final class Histogram: RecorderHandler, TimerHandler {
    let registry: PrometheusRegistry
    let key: Key

    init(registry: PrometheusRegistry, key: Key) { (self.registry, self.key) = (registry, key) }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
      let bucket = PrometheusRegistry.buckets.firstIndex { value <= $0 }
      let empty = Array(repeating: 0, count: PrometheusRegistry.buckets.count + 1)
      registry.change(key, from: .histogram(counts: empty, sum: 0)) {
        if case .histogram(var counts, let sum) = $0 {
          counts[bucket ?? counts.count - 1] += 1
          $0 = .histogram(counts: counts, sum: sum + value)
        }
      }
    }
  }
}

extension PrometheusRegistry.Value {
  fileprivate var kind: String {
    switch self {
    case .counter: "counter"
    case .gauge: "gauge"
    case .histogram: "histogram"
    }
  }
}
