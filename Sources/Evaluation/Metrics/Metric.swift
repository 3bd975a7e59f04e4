/// The metrics of a report, in its order.
public enum Metric: String, CaseIterable, Codable, CodingKeyRepresentable, Sendable {
  /// Peak signal-to-noise ratio of luma and of red, green and blue, dB.
  case psnrY = "psnr_y"
  case psnrRGB = "psnr_rgb"
  /// Structural similarity of luma and of red, green and blue; 1 for equal pictures.
  case ssimY = "ssim_y"
  case ssimRGB = "ssim_rgb"
  /// Structural similarity of luma at five scales; 1 for equal pictures.
  case msSSIM = "ms_ssim"
  /// Learned perceptual distances; 0 for equal pictures.
  case lpipsAlex = "lpips_alex"
  case lpipsVGG = "lpips_vgg"
  /// Distance of structure and texture; 0 for equal pictures.
  case dists
  /// Errors in the recognised text; 0 for the reference's text.
  case characterErrorRate = "cer"
  /// Fine structure where the reference is flat, in levels of 0...255: residual or invented noise.
  /// The reference's own value is the ideal.
  case grain
  /// Coarser structure where the reference is flat, of the size of the input's noise: residual
  /// noise.
  case noise
  /// Distance from the statistics of photos.
  case niqe
  /// A score learned from human judgements of distorted photos; about 0 ... 100.
  case brisque

  /// The title in reports, such as "PSNR-Y".
  public var title: String {
    switch self {
    case .psnrY: "PSNR-Y"
    case .psnrRGB: "PSNR-RGB"
    case .ssimY: "SSIM-Y"
    case .ssimRGB: "SSIM-RGB"
    case .msSSIM: "MS-SSIM"
    case .lpipsAlex: "LPIPS-Alex"
    case .lpipsVGG: "LPIPS-VGG"
    case .dists: "DISTS"
    case .characterErrorRate: "CER"
    case .grain: "Grain"
    case .noise: "Noise"
    case .niqe: "NIQE"
    case .brisque: "BRISQUE"
    }
  }

  /// The number of decimals in tables.
  public var decimals: Int {
    switch self {
    case .psnrY, .psnrRGB, .niqe, .brisque: 2
    default: 4
    }
  }

  public var isLowerBetter: Bool {
    switch self {
    case .psnrY, .psnrRGB, .ssimY, .ssimRGB, .msSSIM: false
    case .lpipsAlex, .lpipsVGG, .dists, .characterErrorRate, .grain, .noise, .niqe, .brisque: true
    }
  }

  /// Whether the metric compares with a reference; the others judge a picture by itself.
  public var needsReference: Bool { self != .niqe && self != .brisque }

  /// The smallest width and height of a picture, without the border where the metric ignores it;
  /// NIQE needs two such squares.
  var minimumSide: Int {
    switch self {
    case .psnrY, .psnrRGB: 1
    case .ssimY, .ssimRGB: 11
    case .msSSIM: 161
    case .lpipsAlex, .lpipsVGG, .characterErrorRate, .brisque: 32
    case .dists, .grain: 16
    case .noise: 32
    case .niqe: 96
    }
  }

  /// Whether the metric ignores the border; networks and text recognition use whole pictures.
  var leavesOutBorder: Bool {
    switch self {
    case .lpipsAlex, .lpipsVGG, .dists, .characterErrorRate: false
    default: true
    }
  }
}

/// The figures of one picture; metrics that do not apply to it are missing.
public typealias Scores = [Metric: Double]

/// A metric that is not available, and the reason.
public struct UnavailableMetric: Codable, Equatable, Sendable {
  public let title, reason: String

  public init(title: String, reason: String) {
    (self.title, self.reason) = (title, reason)
  }

  /// Metrics of the paper without network weights that could be verified against their authors'
  /// code.
  static let withoutWeights = ["MUSIQ", "MANIQA", "CLIPIQA", "TOPIQ"].map {
    UnavailableMetric(
      title: $0, reason: "no weights that could be checked against the authors' values")
  }
}
