import Foundation
import Imaging
import TestSupport

@testable import Evaluation

/// A picture of waves with edges; `shift` moves it.
func waves(_ width: Int, _ height: Int, shift: Int = 0, channels: Int = 3, bitDepth: Int = 8)
  -> Image
{
  var planes = FloatImage(width: width, height: height, channels: channels)
  for c in 0..<channels {
    for y in 0..<height {
      for x in 0..<width {
        let edge: Float = ((x + shift) / 11 + y / 7) % 2 == 0 ? 0.15 : -0.1
        planes[c, y, x] =
          0.5 + edge + 0.3 * sin(Float(x + shift + 20 * c) / 9) * cos(Float(y) / 14)
      }
    }
  }
  return Image(planes, bitDepth: bitDepth)
}

extension MetricSuite {
  /// The metrics that need no weights.
  static func plain(border: Int = 0) throws -> MetricSuite {
    try MetricSuite(border: border, weights: URL(fileURLWithPath: "/nowhere"))
  }
}

extension EvaluationReport {
  /// A report with given figures: `scores[i]` of picture i, by method.
  static func made(_ methods: [String], _ metrics: [Metric], _ scores: [[String: Scores]]) throws
    -> EvaluationReport
  {
    var report = EvaluationReport(
      settings: Settings(try .plain(), metrics: metrics), methods: methods)
    report.pictures = scores.enumerated().map { index, scores in
      var picture = Picture(file: "picture \(index)", width: 64, height: 48)
      picture.scores = scores
      return picture
    }
    return report
  }
}
