/// A metric against the level of one kind of damage.
public struct DamageCurve: Codable, Equatable, Sendable {
  public struct Point: Codable, Equatable, Sendable {
    public let level: Int
    /// Over the pictures of this level.
    public let mean: Double
    public let count: Int
  }

  public let kind, method: String
  public let metric: Metric
  /// By level.
  public let points: [Point]
  /// Change of the metric per level: that of the least-squares line through all pictures.
  public let slope: Double?
}

extension EvaluationReport {
  /// A curve for each kind of damage, metric and method that has pictures with levels. The
  /// reference is not damaged.
  public var damageCurves: [DamageCurve] {
    let kinds = Dictionary(grouping: pictures.filter { $0.damage != nil }) { $0.damage!.kind }
    return kinds.sorted { $0.key < $1.key }.flatMap { kind, pictures in
      settings.metrics.flatMap { metric in
        methods.filter { $0 != Self.reference }.compactMap { method -> DamageCurve? in
          let values = pictures.compactMap { picture in
            picture.scores[method]?[metric].map { (level: picture.damage!.level, value: $0) }
          }
          guard !values.isEmpty else { return nil }
          let points = Dictionary(grouping: values, by: \.level).sorted { $0.key < $1.key }
            .map { level, values in
              DamageCurve.Point(
                level: level, mean: SampleSummary(values.map(\.value))!.mean, count: values.count)
            }
          return DamageCurve(
            kind: kind, method: method, metric: metric, points: points,
            slope: leastSquaresSlope(values.map { (Double($0.level), $0.value) }))
        }
      }
    }
  }
}
