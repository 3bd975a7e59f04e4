import NSARM
import Torch

/// A stage that trains parts of a model.
protocol ModelStage: TrainingStage {
  var model: Model { get }
  /// The columns of a preview: batches of pictures `[B, 3, H, W]` in -1...1.
  func previewColumns(_ batch: TrainingBatch) throws -> [Tensor]
}

extension ModelStage {
  var policy: ComputePolicy { model.policy }
  var scale: Int { model.configuration.scale }

  func preview(_ batch: TrainingBatch) throws -> [[Tensor]] {
    let columns = try previewColumns(batch)
    return (0..<batch.count).map { row in columns.map { $0.selected(0, row) } }
  }

  func export(to folder: String, provenance: [String: String]) throws {
    try ModelFolder.write(model, to: folder, provenance: provenance)
  }
}
