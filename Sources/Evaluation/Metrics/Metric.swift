/// The figures of a report, in its order.
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
  /// Errors in the text that can be read; 0 for the reference's text.
  case characterErrorRate = "cer"
  /// Fine structure where the reference is flat, in levels of 0...255: noise left or invented. The
  /// reference's own is what a picture should have.
  case grain
  /// The same of structure of some pixels, as the noise of the input has it: what is left of it.
  case noise
  /// Distance from the statistics of photos.
  case niqe
  /// Learned from people's judgements of damaged photos; about 0 ... 100.
  case brisque

  /// As "PSNR-Y".
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

  /// Digits after the point in tables.
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

  /// Whether it compares with a reference; the others judge a picture by itself.
  public var needsReference: Bool { self != .niqe && self != .brisque }

  /// Smallest width and height of the pictures that it can judge, without the border where it
  /// leaves that out; NIQE needs two such squares.
  var smallestSide: Int {
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

  /// Whether the border is left out; networks and readers see whole pictures.
  var leavesOutBorder: Bool {
    switch self {
    case .lpipsAlex, .lpipsVGG, .dists, .characterErrorRate: false
    default: true
    }
  }
}

/// The figures of one picture; those that do not apply to it are missing.
public typealias Scores = [Metric: Double]

/// A metric that a report cannot have, and why.
public struct UnavailableMetric: Codable, Equatable, Sendable {
  public let title, reason: String

  public init(title: String, reason: String) {
    (self.title, self.reason) = (title, reason)
  }

  /// Metrics of the paper whose networks have no weights that could be checked against the values
  /// of their authors' code.
  static let withoutWeights = ["MUSIQ", "MANIQA", "CLIPIQA", "TOPIQ"].map {
    UnavailableMetric(
      title: $0, reason: "no weights that could be checked against the authors' values")
  }
}
