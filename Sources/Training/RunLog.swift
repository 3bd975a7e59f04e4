/// A line of `log.jsonl`: one update.
struct UpdateLogEntry: Encodable {
  let step: Int
  /// The losses and the L2 norms of the gradients, by parameter group.
  let loss, gradientNorm: [String: Double]
  let figures: [String: Double]
  let learningRate: Double
  /// 1 where the update was skipped because a loss or a gradient was not finite.
  let skipped: Int?
  /// The seconds of the update, and the part of them that was spent waiting for data.
  let seconds, waitSeconds: Double
  let samplesPerSecond: Double

  private enum CodingKeys: String, CodingKey {
    case step, loss, figures, skipped, seconds
    case gradientNorm = "gradient_norm"
    case learningRate = "learning_rate"
    case waitSeconds = "wait_seconds"
    case samplesPerSecond = "samples_per_second"
  }
}

/// A line of `validation.jsonl`: figures of the averaged weights, means over the samples.
struct ValidationLogEntry: Encodable {
  let step: Int
  let figures: [String: Double]
  let samples: Int
}
