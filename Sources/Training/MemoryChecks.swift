import Foundation
import NSARM

/// Estimates of memory, which reject a run that cannot fit at its start rather than after minutes
/// of swapping.
extension TrainingRecipe {
  /// - Parameter ranks: the number of processes that share a batch.
  /// - Throws: `TrainingError.recipe` where the batches that are prepared ahead exceed the
  ///   machine's memory.
  func checkMemory(scale: Int, hasTeacher: Bool, ranks: Int = 1) throws {
    let data = settings.data
    let area = Double(data.crop) * Double(data.crop)
    let pair = 3 * 4 * area * (1 + 1 / Double(scale * scale) + (hasTeacher ? 1 : 0))
    // Batches prepared ahead, in preparation, stacked, and on the device for one update.
    let batches = Double(data.prefetch + 2 + settings.accumulation)
    try refuse(
      pair * Double(settings.batch / ranks) * batches,
      "'batch' is \(settings.batch): crops of \(data.crop) pixels, 'data.prefetch' \(data.prefetch) batches "
        + "ahead and 'accumulation' \(settings.accumulation),", "make one of them smaller")
  }

  /// - Parameter ranks: the number of processes that share what the recipe shards.
  /// - Throws: `TrainingError.recipe` where the weights of a model, their gradients, the
  ///   optimiser's moments and the averages exceed the machine's memory.
  func checkMemory(of configuration: ModelConfiguration, ranks: Int = 1) throws {
    let count = try configuration.parameterCount()
    let sharding = settings.memory.sharding
    let state = ShardingCost(
      blocks: [], rest: .init(products: 0, others: count), ranks: ranks, sharding: sharding
    ).stateBytes
    // Every rank begins with whole weights.
    try refuse(
      sharding == .parameters ? max(state, 4 * Double(count)) : state,
      "'model' has \(count) weights, which with gradients, moments and averages",
      "make it smaller")
  }

  private func refuse(_ bytes: Double, _ what: String, _ remedy: String) throws {
    let memory = Double(ProcessInfo.processInfo.physicalMemory)
    guard bytes > memory else { return }
    func gibibytes(_ bytes: Double) -> String { String(format: "%.3g GiB", bytes / 0x1p30) }
    throw TrainingError.recipe(
      file: file,
      problem:
        "\(what) would take \(gibibytes(bytes)), this machine has \(gibibytes(memory)); \(remedy)")
  }
}
