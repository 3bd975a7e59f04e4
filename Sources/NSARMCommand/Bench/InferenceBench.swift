import Files
import Foundation
import Imaging
import NSARM
import SuperResolution
import Torch
import Upscaling

/// The parts of restoring a picture, each by itself, and the whole from file to file.
struct InferenceBench {
  let model: Model
  let width, height: Int
  let budget, peak: Double

  /// The whole, as `nsarm upscale` does it.
  struct Whole: Encodable {
    let input, output: String
    let seconds: Double
    let peakMemoryMegabytes: Double
    let teraflop: Double
    /// The time of the operations at the machine's peak, and the measured time as its multiple.
    let secondsAtPeak, ratio: Double

    var line: String {
      String(
        format: "%@ to %@, file to file: %.2f s, %.0f MB, %.3f TFLOP, %.2f times its time at peak",
        input, output, seconds, peakMemoryMegabytes, teraflop, ratio)
    }
  }

  func whole() throws -> Whole {
    let upscaler = PhotoUpscaler(try SuperResolver(model))
    let scratch = try TemporaryFolder()
    defer { scratch.remove() }
    let (input, output) = (scratch.path + "/input.png", scratch.path + "/output.png")
    try Image(Self.pattern(width, height)).write(to: input)
    var options = PhotoUpscaler.Options()
    options.scale = Double(model.configuration.scale)
    options.overwrite = true
    let seconds = try fastest(3 * budget) { try upscaler(input, to: output, options) }
    let profile = try OperatorProfile.measuring { try upscaler(input, to: output, options) }.profile
    let atPeak = profile.operations / 1e12 / peak
    let scale = model.configuration.scale
    return Whole(
      input: "\(width)x\(height)", output: "\(width * scale)x\(height * scale)", seconds: seconds,
      peakMemoryMegabytes: peakMemory, teraflop: profile.operations / 1e12, secondsAtPeak: atPeak,
      ratio: seconds / atPeak)
  }

  /// Encoder, transformation network, condition, transformer per scale, decoder: what of them the
  /// model has.
  func parts() throws -> [PartReport] {
    let c = model.configuration
    // As many as go through the transformer together for a picture of 256x256 to 1024x1024.
    let tiles = c.tileSide >= 1024 ? 1 : 12
    let side = c.tileSide / c.scale
    let low = tensor(side, side).expanded([tiles, 3, side, side]).contiguous()
    var reports: [PartReport] = []
    func measure(_ name: String, _ body: () -> Void) {
      withoutGradients {
        model.policy {
          reports.append(.measuring(name, budget: budget, peak: peak, body))
        }
      }
    }
    let title = counted(tiles, "tile")
    let network = model.transformationNetwork
    if let encoder = model.encoder, network?.readsLatent != true {
      let high = tensor(c.tileSide, c.tileSide)
      measure("encoder, 1 tile") { _ = encoder(high) }
    }
    if let network {
      let name = network.readsLatent ? "encoder and network" : "transformation network"
      measure("\(name), \(title)") { _ = model.prefix(lowQuality: low) }
    }
    if let generator = Generator(model) {
      measure("condition, \(title)") { _ = condition(generator.transformer, low) }
      reports += try scales(generator, low, title)
    }
    let f = c.tokenizer.downsampling
    let (h, w) = (height * c.scale / f, width * c.scale / f)
    let latent =
      model.hasCode
      ? Tensor.randn(
        [1, c.tokenizer.latentChannels, h, w], using: RandomGenerator(seed: 1),
        on: model.policy.device) : nil
    let input = model.decoder.readsLowQuality ? tensor(w * f / c.scale, h * f / c.scale) : nil
    measure("decoder, \(w * f)x\(h * f)") { _ = model.decoder(latent, lowQuality: input) }
    return reports
  }

  /// The condition of tiles; on text that of the model's prompt, else the null text.
  private func condition(_ transformer: VisualAutoregressiveTransformer, _ low: Tensor)
    -> Condition
  {
    let c = transformer.configuration
    let text = c.text.map { text in
      let features =
        model.text?.features.to(.float32)
        ?? transformer.unconditionalText(
          length: min(VisualAutoregressiveTransformer.nullLength, text.maximumLength))!
      let shape = [low.size(0)] + features.shape.dropFirst()
      return (features: features.to(model.policy.device).expanded(shape), mask: Tensor?.none)
    }
    return transformer.condition(lowQuality: c.picture == nil ? nil : low, text: text)
  }

  /// The transformer's pass over the forced scales, and over each sampled scale.
  private func scales(_ generator: Generator, _ low: Tensor, _ title: String) throws
    -> [PartReport]
  {
    let tiles = low.size(0)
    var options = GenerationOptions()
    options.sampling = model.configuration.sampling
    options.contextResize = model.configuration.contextResize
    options.origins = { _ in (0..<tiles).map { GridOffset(row: 100 * $0, column: 0) } }
    var condition: Condition?
    withoutGradients {
      model.policy {
        options.prefix = model.prefix(lowQuality: low).map { $0.to(.float32) }
        condition = self.condition(generator.transformer, low)
      }
    }
    let forced = options.prefix.count
    let count = generator.schedule.count
    /// One pass; `boundary` is called between the parts.
    func run(_ boundary: @escaping () -> Void) throws {
      options.progress = { _ in boundary() }
      _ = try generator(condition!, options)
      boundary()
    }
    var best = [Double](repeating: .infinity, count: count - forced + 1)
    _ = try fastest(2 * budget) {
      var (start, index) = (Date(), 0)
      try run {
        best[index] = min(best[index], Date().timeIntervalSince(start))
        (start, index) = (Date(), index + 1)
      }
    }
    var profiles: [OperatorProfile] = []
    OperatorProfile.begin()
    try run {
      profiles.append(OperatorProfile.end())
      OperatorProfile.begin()
    }
    _ = OperatorProfile.end()
    return profiles.enumerated().map { i, profile in
      let size = i == 0 ? "" : ", \(generator.schedule.tokens[forced + i - 1])"
      let name =
        i == 0 ? "transformer, prefix, \(title)" : "transformer, scale \(forced + i)\(size)"
      return PartReport(name, seconds: best[i], profile, peak: peak)
    }
  }

  private func tensor(_ width: Int, _ height: Int) -> Tensor {
    Self.pattern(width, height).tensor.unsqueezed(0).to(model.policy.device).signed
  }

  /// Waves of many lengths with edges: something to restore in every tile.
  static func pattern(_ width: Int, _ height: Int) -> FloatImage {
    var planes = FloatImage(width: width, height: height, channels: 3)
    for c in 0..<3 {
      for y in 0..<height {
        for x in 0..<width {
          let edge: Float = (x / 23 + y / 31) % 2 == 0 ? 0.12 : -0.12
          let wave = sin(Float(x * x + y * (c + 1)) / 700) * cos(Float(y * y) / 900)
          planes[c, y, x] = 0.5 + edge + 0.25 * wave
        }
      }
    }
    return planes
  }
}

/// The largest resident set of this process so far, in 10⁶ bytes.
var peakMemory: Double {
  var usage = rusage()
  #if canImport(Darwin)
    getrusage(RUSAGE_SELF, &usage)
    return Double(usage.ru_maxrss) / 1e6
  #else
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) * 1024 / 1e6
  #endif
}
