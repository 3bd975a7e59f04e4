/// A line of `log.jsonl`: one update.
struct UpdateLogEntry: Encodable {
  let step: Int
  /// The losses and the L2 norms of the gradients, by parameter group.
  let loss, gradientNorm: [String: Double]
  let figures: [String: Double]
  let learningRate: Double
  /// 1 where the update was skipped because a loss or a gradient was not finite.
  let skipped: Int?
  /// The seconds of the update, and the part of them that was spent waiting for data; of several
  /// ranks, by the one that waited longest.
  let seconds, waitSeconds: Double
  /// The samples of all ranks.
  let samplesPerSecond: Double
  /// The number of ranks; nil, as what follows, for a process alone.
  let ranks: Int?
  /// What the ranks tell one another, by rank.
  let rankSamplesPerSecond, rankWaitSeconds: [Double]?
  let bytesSent: [Int]?

  private enum CodingKeys: String, CodingKey {
    case step, loss, figures, skipped, seconds, ranks
    case rankSamplesPerSecond = "rank_samples_per_second"
    case rankWaitSeconds = "rank_wait_seconds"
    case bytesSent = "bytes_sent"
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
