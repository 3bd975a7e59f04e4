import Foundation

/// Values over the updates of a run, in bounded memory: neighbouring updates share a bucket, whose
/// width doubles whenever there are too many.
struct Curve {
  struct Bucket: Equatable {
    private(set) var count = 0
    private var steps = 0.0
    private var sum = 0.0
    private(set) var low = Double.infinity
    private(set) var high = -Double.infinity

    /// The mean of the updates' numbers, and of their values.
    var step: Double { steps / Double(count) }
    var mean: Double { sum / Double(count) }

    fileprivate mutating func add(_ step: Int, _ value: Double) {
      count += 1
      steps += Double(step)
      sum += value
      low = min(low, value)
      high = max(high, value)
    }

    fileprivate mutating func add(_ other: Bucket) {
      count += other.count
      steps += other.steps
      sum += other.sum
      low = min(low, other.low)
      high = max(high, other.high)
    }
  }

  /// The largest number of buckets.
  static let limit = 1000

  private(set) var buckets: [Bucket] = []
  /// The newest value and its update.
  private(set) var last: (step: Int, value: Double)?
  private var width = 1
  /// The number of the newest bucket, counted in widths from update 0.
  private var index = -1

  /// Adds a value of an update that does not precede those before it; values that are not finite
  /// leave a gap.
  mutating func add(_ step: Int, _ value: Double) {
    guard value.isFinite else { return }
    last = (step, value)
    if step / width == index, !buckets.isEmpty {
      buckets[buckets.count - 1].add(step, value)
    } else {
      var bucket = Bucket()
      bucket.add(step, value)
      buckets.append(bucket)
      index = step / width
    }
    while buckets.count > Self.limit { widen() }
  }

  private mutating func widen() {
    width *= 2
    var joined: [Bucket] = []
    var newest = -1
    for bucket in buckets {
      let place = Int(bucket.step) / width
      if place == newest {
        joined[joined.count - 1].add(bucket)
      } else {
        joined.append(bucket)
      }
      newest = place
    }
    buckets = joined
    index = newest
  }

  // MARK: Drawing

  /// The number of buckets over which lines are smoothed: a fiftieth of them.
  private var span: Int { buckets.count / 50 }

  /// The means of the buckets, smoothed exponentially over `span`; short curves as they are.
  var line: [(x: Double, y: Double)] {
    guard span > 0 else { return buckets.map { ($0.step, $0.mean) } }
    let memory = exp(-1 / Double(span))
    var (sum, weight) = (0.0, 0.0)
    return buckets.map { bucket in
      sum = memory * sum + bucket.mean
      weight = memory * weight + 1
      return (bucket.step, sum / weight)
    }
  }

  /// The smallest and largest values within `span` of each bucket; none for short curves.
  var band: [(x: Double, low: Double, high: Double)] {
    guard span > 0 else { return [] }
    return buckets.indices.map { i in
      let near = buckets[max(0, i - span)...min(buckets.count - 1, i + span)]
      return (buckets[i].step, near.map(\.low).min()!, near.map(\.high).max()!)
    }
  }

  /// The range of the line after the first twentieth of the run, where losses fall from far above,
  /// with the middle 98 % of the values around it; nil for short curves.
  var range: ClosedRange<Double>? {
    guard span > 0 else { return nil }
    let first = buckets.count / 20
    let values = buckets[first...].map(\.mean).sorted()
    let outside = values.count / 100
    let line = line[first...].map(\.y)
    let low = min(values[outside], line.min()!)
    return low...max(values[values.count - 1 - outside], line.max()!)
  }
}
