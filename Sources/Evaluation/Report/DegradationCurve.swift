/// A metric against the level of one kind of degradation.
public struct DegradationCurve: Codable, Equatable, Sendable {
  public struct Point: Codable, Equatable, Sendable {
    public let level: Int
    /// The mean over the pictures of this level.
    public let mean: Double
    public let count: Int
  }

  public let kind, method: String
  public let metric: Metric
  /// The points, sorted by level.
  public let points: [Point]
  /// The change of the metric per level: the slope of the least-squares line through all pictures.
  public let slope: Double?
}

extension EvaluationReport {
  /// A curve for each kind of degradation, metric and method that has pictures with levels. The
  /// reference is not degraded.
  public var degradationCurves: [DegradationCurve] {
    let kinds = Dictionary(grouping: pictures.filter { $0.degradation != nil }) {
      $0.degradation!.kind
    }
    return kinds.sorted { $0.key < $1.key }.flatMap { kind, pictures in
      settings.metrics.flatMap { metric in
        methods.filter { $0 != Self.reference }.compactMap { method -> DegradationCurve? in
          let values = pictures.compactMap { picture in
            picture.scores[method]?[metric].map { (level: picture.degradation!.level, value: $0) }
          }
          guard !values.isEmpty else { return nil }
          let points = Dictionary(grouping: values, by: \.level).sorted { $0.key < $1.key }
            .map { level, values in
              DegradationCurve.Point(
                level: level, mean: SampleSummary(values.map(\.value))!.mean, count: values.count)
            }
          return DegradationCurve(
            kind: kind, method: method, metric: metric, points: points,
            slope: leastSquaresSlope(values.map { (Double($0.level), $0.value) }))
        }
      }
    }
  }
}
