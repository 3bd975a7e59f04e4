import Imaging

/// The interpolation of a degradation's resize.
public enum DegradationInterpolation: String, Codable, Sendable, CaseIterable {
  case area, bilinear, bicubic

  var filter: ResizeFilter {
    switch self {
    case .area: .area
    case .bilinear: .bilinearSampled
    case .bicubic: .bicubicSampled
    }
  }
}

extension FloatImage {
  /// - Parameter factor: see `Resize`.
  func resized(
    _ newHeight: Int, _ newWidth: Int, _ mode: DegradationInterpolation, factor: Double? = nil
  ) -> FloatImage {
    if newHeight == height, newWidth == width, factor == nil || factor == 1 { return self }
    return Resize(
      mode.filter, from: (width, height), to: (newWidth, newHeight), factor: factor)(self)
  }
}
