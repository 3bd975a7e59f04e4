import Torch

/// Whose bits a stage learns.
enum Labels: String, Codable {
  case original
  /// The teacher's picture is a function of the input, so that its bits can be predicted far better.
  case teacher

  /// The pictures that the encoder reads, `[B, 3, H, W]`.
  func pictures(_ batch: Batch) -> Tensor {
    switch self {
    case .original: batch.highQuality
    case .teacher: batch.teacher ?? batch.highQuality
    }
  }
}
