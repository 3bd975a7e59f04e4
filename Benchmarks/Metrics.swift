import Foundation
import ImageQuality
import Imaging
import Torch

/// The figures of a report, in its order.
enum Metric: String, CaseIterable, Codable, CodingKeyRepresentable {
  /// Peak signal-to-noise ratio of luma, dB; higher is better.
  case psnr = "psnr_y"
  /// Structural similarity of luma; higher is better.
  case ssim = "ssim_y"
  /// Learned perceptual distances; lower is better.
  case lpipsAlex = "lpips_alex"
  case lpipsVGG = "lpips_vgg"
  /// Distance from the statistics of photos, without a reference; lower is better.
  case niqe

  var title: String {
    switch self {
    case .psnr: "PSNR-Y"
    case .ssim: "SSIM-Y"
    case .lpipsAlex: "LPIPS-Alex"
    case .lpipsVGG: "LPIPS-VGG"
    case .niqe: "NIQE"
    }
  }

  var decimals: Int { self == .psnr || self == .niqe ? 3 : 4 }
}

typealias Scores = [Metric: Double]

/// Measures pictures against one reference at a time.
final class Metrics {
  private let alex, vgg: LPIPS
  private let niqe: NIQE
  private let device: Device
  private let border: Int

  /// - Parameter border: pixels at the edges that PSNR, SSIM and NIQE leave out.
  /// - Throws: `ImageQualityError` where the metrics' weights are missing.
  init(border: Int, on device: Device) throws {
    (alex, vgg) = (try LPIPS(.alex, on: device), try LPIPS(.vgg, on: device))
    niqe = try NIQE()
    self.device = device
    self.border = border
  }

  /// The reference with what is computed from it once.
  struct Reference {
    let picture: Tensor
    let alex, vgg: [Tensor]
  }

  func reference(_ image: Image) -> Reference {
    let x = tensor(image)
    return withoutGradients {
      Reference(
        picture: x, alex: alex.features(x.to(device) * 2 - 1),
        vgg: vgg.features(x.to(device) * 2 - 1))
    }
  }

  /// All figures of a picture; NIQE only where it is large enough.
  func scores(_ image: Image, _ reference: Reference) -> Scores {
    let x = tensor(image)
    return withoutGradients {
      let signed = x.to(device) * 2 - 1
      var scores: Scores = [
        .psnr: peakSignalToNoise(x, reference.picture, .luma, border: border)[0],
        .ssim: structuralSimilarity(x, reference.picture, .luma, border: border)[0],
        .lpipsAlex: alex.distance(alex.features(signed), reference.alex).item,
        .lpipsVGG: vgg.distance(vgg.features(signed), reference.vgg).item,
      ]
      scores[.niqe] = try? niqe(x.selected(0, 0), border: border)
      return scores
    }
  }

  /// NIQE of the reference itself.
  func naturalness(_ reference: Reference) -> Scores {
    (try? niqe(reference.picture.selected(0, 0), border: border)).map { [.niqe: $0] } ?? [:]
  }

  /// `[1, 3, H, W]` in [0, 1].
  private func tensor(_ image: Image) -> Tensor {
    Tensor(image.planes().values, shape: [1, 3, image.height, image.width])
  }
}
