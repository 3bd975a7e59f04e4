import ArgumentParser
import CommandOptions
import Evaluation
import Foundation
import Imaging
import NSARM
import Torch

/// `nsarm-benchmark evaluate --data FOLDER -o report.json`
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure restoration of degraded pictures against the originals.",
    discussion: """
      Every picture is degraded by the second-order model with a fixed seed, restored, and compared with \
      the original. Needs the metrics' weights: scripts/metric-weights --niqe niqe_modelparameters.mat.
      """)

  @Option(help: ArgumentHelp("The folder of original pictures.", valueName: "folder"))
  var data: String

  @Option(help: "A model folder, or the name of one in Models (default: $NSARM_MODEL, else nano).")
  var model: String?

  @Flag(help: "Measure bicubic enlargement and --method only.")
  var noModel = false

  @Option(
    help: ArgumentHelp(
      "Ways through the model, separated by commas: restored, true-code (the codes of the original), "
        + "no-code (the decoder without any).", valueName: "list"))
  var variants = Restorer.Variant.restored.rawValue

  @Option(
    help: ArgumentHelp(
      "Another method's restored pictures, with the names of the originals. Repeatable.",
      valueName: "name=folder"))
  var method: [String] = []

  @Option(help: "Picture i is degraded and restored with this seed + i.")
  var seed: UInt64 = 1

  @Option(help: ArgumentHelp("Use the middle of the pictures only.", valueName: "pixels"))
  var crop: Int?

  @Option(help: ArgumentHelp("Use the first pictures only.", valueName: "count"))
  var limit: Int?

  @Option(
    help: ArgumentHelp(
      "Pixels at the edges that PSNR, SSIM and NIQE leave out.", valueName: "pixels"))
  var border = 0

  @Option(
    help: ArgumentHelp(
      "Keep the pictures here: lr, hr, bicubic and a folder for each variant.", valueName: "folder")
  )
  var save: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("The JSON report.", valueName: "file"))
  var output: String?

  @OptionGroup var compute: ComputeOptions

  func validate() throws {
    if let crop, crop < 32 { throw ValidationError("--crop has to be at least 32") }
    if let limit, limit < 1 { throw ValidationError("--limit has to be at least 1") }
    if border < 0 { throw ValidationError("--border has to be at least 0") }
    _ = try chosenVariants()
    _ = try peers()
  }

  private func chosenVariants() throws -> [Restorer.Variant] {
    guard !noModel else { return [] }
    return try variants.split(separator: ",").map { name in
      guard let variant = Restorer.Variant(rawValue: String(name)) else {
        let known = Restorer.Variant.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("--variants: unknown '\(name)'; choose from \(known)")
      }
      return variant
    }
  }

  /// Names and folders of other methods.
  private func peers() throws -> [(name: String, folder: String)] {
    let reserved =
      Restorer.Variant.allCases.map(\.rawValue) + [
        EvaluationReport.baseline, EvaluationReport.reference,
      ]
    return try method.map { text in
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { throw ValidationError("--method has to be NAME=FOLDER") }
      guard !reserved.contains(parts[0]) else {
        throw ValidationError("--method: the name '\(parts[0])' is taken")
      }
      return (parts[0], parts[1])
    }
  }

  func run() throws {
    let policy = try compute.policy()
    let folder = try PictureFolder(data)
    let names = Array(folder.names.prefix(limit ?? folder.names.count))
    let peers = try peers().map { (name: $0.name, folder: try PictureFolder($0.folder)) }
    let suite = try MetricSuite(border: border, on: policy.device)
    let restorer = noModel ? nil : try Restorer(model, policy)
    let variants = try chosenVariants()
    let scale = restorer?.scale ?? 4

    var report = EvaluationReport(
      settings: .init(
        suite, crop: crop,
        others: ["degradation": "second-order, Real-ESRGAN's ranges", "scale": "\(scale)"]),
      notes: [
        "data": data, "model": restorer?.folder.path ?? "none", "precision": policy.title,
        "threads": "\(TorchRuntime.threadCount)",
      ],
      unavailable: suite.unavailable,
      methods: [EvaluationReport.baseline] + variants.map(\.rawValue) + peers.map(\.name)
        + [EvaluationReport.reference])
    let countdown = Countdown(names.count)
    for (index, name) in names.enumerated() {
      let high = try ImageFile.readRGB(folder.file(name))
        .centre(width: crop ?? .max, height: crop ?? .max, unit: scale)
      let seed = seed &+ UInt64(index)
      let low = high.degraded(seed: seed, scale: scale)
      var picture = EvaluationReport.Picture(
        file: name, seed: seed, width: high.width, height: high.height)
      let reference = suite.reference(high)
      var results = [(EvaluationReport.baseline, low.bicubic(scale))]
      for variant in variants {
        let start = Date()
        results.append(
          (variant.rawValue, try restorer!(variant, low: low, high: high, seed: seed)))
        picture.seconds[variant.rawValue] = Date().timeIntervalSince(start)
      }
      try keep(low, as: name, in: "lr")
      try keep(high, as: name, in: "hr")
      for (method, image) in results { try keep(image, as: name, in: method) }
      for peer in peers {
        results.append((peer.name, try counterpart(of: name, in: peer.folder, size: high)))
      }
      for (method, image) in results {
        picture.scores[method] = suite.scores(image, reference)
      }
      picture.scores[EvaluationReport.reference] = suite.scores(reference)
      report.pictures.append(picture)
      countdown.finished(index + 1, name + ": " + line(results.map(\.0), picture))
      // Written after every picture, so that nothing is lost when a long run is stopped.
      if let output {
        try report.json().write(to: URL(fileURLWithPath: output), options: .atomic)
      }
    }
    print(report.table)
  }

  private func line(_ methods: [String], _ picture: EvaluationReport.Picture) -> String {
    methods.map { method in
      let scores = picture.scores[method]!
      let figures = [Metric.psnrY, .lpipsAlex].compactMap { metric in
        scores[metric].map { "\(metric.title) \(metric.text($0))" }
      }
      return ([method] + figures).joined(separator: " ")
    }.joined(separator: ", ")
  }

  private func counterpart(of name: String, in folder: PictureFolder, size: Image) throws -> Image {
    let path = try folder.counterpart(of: name)
    let image = try ImageFile.readRGB(path)
    guard image.width == size.width, image.height == size.height else {
      throw EvaluationError(
        "\(path): \(image.width)x\(image.height) pixels, expected \(size.width)x\(size.height)")
    }
    return image
  }

  private func keep(_ image: Image, as name: String, in group: String) throws {
    guard let save else { return }
    let folder = "\(save)/\(group)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try image.write(
      to: "\(folder)/\(PictureFolder.stem(name)).png", options: EncodingOptions(effort: 2),
      overwrite: true)
  }
}
