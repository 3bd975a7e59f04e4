import Foundation

/// The smallest and the largest of the inputs that a weight has been multiplied with, for
/// `QuantizationRange`.
public final class InputObserver {
  public private(set) var minimum = 0.0
  public private(set) var maximum = 0.0

  public init() {}

  func include(_ x: Tensor) {
    let ends = atenList("aminmax", [x.detached().flattened().to(.float32)])
    minimum = min(minimum, ends[0].item)
    maximum = max(maximum, ends[1].item)
  }
}
