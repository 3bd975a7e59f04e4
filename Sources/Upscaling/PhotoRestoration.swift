import Imaging
import NSARM
import SuperResolution
import Torch

extension PhotoUpscaler {
  /// An event of a file's restoration.
  public enum Event: Sendable {
    /// The share of the work that is done, 0...1.
    case progress(Double)
    /// The output is in its place: the last event.
    case finished(Report)
  }

  /// Loads a model, as `SuperResolver(model:)` does.
  public convenience init(
    model: ModelReference, precision: Precision = .auto, device: Device = .cpu
  ) async throws {
    self.init(try await SuperResolver(model: model, precision: precision, device: device))
  }

  /// Restores a file, and tells how it goes, as `SuperResolver.restore` does with tensors. When
  /// nobody listens any more the work ends and no output is left.
  ///
  /// ```swift
  /// let upscaler = try await PhotoUpscaler(model: .nano)
  /// for try await event in upscaler.restore("holiday.jpg", to: "holiday_x4.png") {
  ///   if case .progress(let share) = event { print("\(Int(share * 100)) %") }
  /// }
  /// ```
  ///
  /// - Throws: in the loop: `ImagingError`, `OutputSizeError`, `SuperResolutionError`.
  public func restore(_ input: String, to output: String, _ options: Options = Options())
    -> AsyncThrowingStream<Event, any Error>
  {
    resolver.worker.stream { send in
      let report = try self(input, to: output, options) { try send(.progress($0)) }
      try send(.finished(report))
    }
  }

  /// Restores a picture in memory; see the call with an `Image`.
  public func restored(_ image: Image, _ options: Options = Options()) async throws -> Image {
    try await resolver.worker.run { try self(image, options) }
  }
}
