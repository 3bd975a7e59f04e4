import Torch

/// Which pictures a stage or a term of its loss aims at.
public enum Target: String, CaseIterable, Codable, Sendable {
  case original
  /// The teacher's picture is a function of the input, so that it can be met far better, and its
  /// bits predicted.
  case teacher

  /// `[B, 3, H, W]` in [-1, 1]; the originals where there is no teacher.
  func pictures(_ original: Tensor, _ teacher: Tensor?) -> Tensor {
    switch self {
    case .original: original
    case .teacher: teacher ?? original
    }
  }

  func pictures(_ batch: TrainingBatch) -> Tensor { pictures(batch.highQuality, batch.teacher) }
}
