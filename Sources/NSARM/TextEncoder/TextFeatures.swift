import Torch

/// A text encoder's features of a text, or of a batch of texts of one padded length.
public struct TextFeatures: Sendable {
  /// `[B, n, channels]`.
  public let features: Tensor
  /// `[B, n]`, true where there is text; nil: everywhere.
  public let mask: Tensor?

  public init(_ features: Tensor, mask: Tensor? = nil) {
    precondition(features.rank == 3, "features [B, n, channels]")
    (self.features, self.mask) = (features, mask)
  }
}

extension VisualAutoregressiveTransformer {
  /// Rows of the null text where no text says how many: about the length of the captions that it
  /// has stood in for in training. All 512 would cost time, and are longer than what it has learnt
  /// to be.
  public static let nullLength = 128

  /// The features of one text for a batch, float32; nil for transformers without text.
  ///
  /// - Parameters:
  ///   - text: nil: the null text.
  ///   - other: the text that the null text stands in for, which is then as long, as in training.
  package func text(
    _ text: TextFeatures?, instead other: TextFeatures? = nil, batch: Int, on device: Device
  ) -> (features: Tensor, mask: Tensor?)? {
    guard let configuration = configuration.text else { return nil }
    func expanded(_ x: Tensor) -> Tensor { x.to(device).expanded([batch] + x.shape.dropFirst()) }
    if let text { return (expanded(text.features.to(.float32)), text.mask.map(expanded)) }
    let length = other?.features.size(1) ?? Self.nullLength
    let null = unconditionalText(length: min(length, configuration.maximumLength))!
    return (expanded(null), other?.mask.map(expanded))
  }
}
