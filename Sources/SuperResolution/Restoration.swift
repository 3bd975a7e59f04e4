import NSARM
import Torch

/// An event of a restoration under way.
public enum RestorationEvent: Sendable {
  /// The share of the work that is done, 0...1.
  case progress(Double)
  /// Finished rows, from the top to the bottom: the number of the first, and RGB in [-1, 1],
  /// `[3, n, scale · w]`, float32 on the CPU.
  case rows(first: Int, Tensor)
  /// The whole picture, RGB in [-1, 1], `[3, scale · h, scale · w]`, float32 on the CPU: the last
  /// event.
  case finished(Tensor)
}

extension SuperResolver {
  /// Loads a model within the memory that is free, as `ModelLoader` does.
  ///
  /// - Parameters:
  ///   - model: `.nano`, another name, or a folder (`ModelLocator`).
  ///   - precision: arithmetic of the networks; `.auto` is what suits the model and the machine.
  ///   - device: where the networks run.
  /// - Throws: `CheckpointError` and `ParameterMismatch` where the model is missing or damaged,
  ///   `TorchError` where the device cannot compute that way, `SuperResolutionError` for a model
  ///   that cannot restore or does not fit into memory.
  public convenience init(
    model: ModelReference, precision: Precision = .auto, device: Device = .cpu
  ) async throws {
    let (model, batch) = try await SerialWorker().run {
      let folder = try ModelFolder(ModelLocator.find(model.name))
      let plan = try ModelLoader(precision, on: device).plan(folder)
      return (try plan.model(), plan.memory.batch)
    }
    try self.init(model, batch: batch)
  }

  /// Restores a picture and reports its progress.
  ///
  /// Restorations of one resolver follow each other on a thread of their own; the caller's is not
  /// held up. Who stops listening ends the work within a scale, and so does a task that is
  /// cancelled: its loop ends without the last event. A program that ends meanwhile waits until the
  /// work has ended, too. The same options give the same picture.
  ///
  /// ```swift
  /// let resolver = try await SuperResolver(model: .nano)
  /// for try await event in resolver.restore(picture) {
  ///   if case .finished(let restored) = event { show(restored) }
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - picture: `[3, h, w]`, RGB in [-1, 1].
  ///   - options: seed, tiles, sampling.
  /// - Throws: in the loop: `SuperResolutionError`, `ConfigurationError` for options that make no
  ///   sense.
  public func restore(_ picture: Tensor, _ options: Options = Options())
    -> AsyncThrowingStream<RestorationEvent, any Error>
  {
    worker.stream { send in
      var strips: [Tensor] = []
      try self(LowQualityPicture(picture), options, progress: { try send(.progress($0)) }) {
        first, strip in
        strips.append(strip)
        try send(.rows(first: first, strip))
      }
      try send(.finished(.concatenated(strips, 1)))
    }
  }
}
