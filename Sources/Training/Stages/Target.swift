import Torch

/// The target pictures of a stage or of a term of its loss.
public enum Target: String, CaseIterable, Codable, Sendable {
  case original
  /// The teacher's picture, a function of the input, which makes it far easier to match and its
  /// bits easier to predict.
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
