import ArgumentParser
import Checkpoints
import Foundation
import NSARM
import Torch

/// `nsarm info MODEL`
struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Print a model's configuration, size and training provenance.")

  @Argument(
    help: "A model folder, or the name of one in Models (default: $NSARM_MODEL, else nano).")
  var model: String?

  @OptionGroup var compute: ComputeOptions

  @Flag(help: "Print a JSON object.")
  var json = false

  func run() throws {
    let folder = try ModelFolder(try ModelLocator.find(model))
    let summary = try ModelSummary(folder, try compute.loader().policy(folder))
    try StandardOutput.print(json ? summary.json : summary.text)
  }
}

/// The facts about a model folder that are known without loading it.
struct ModelSummary: Encodable {
  struct Part: Encodable {
    let name: String
    let tensors, parameters, bytes: Int
  }

  let path: String
  let configuration: ModelConfiguration
  /// Whether the model has the dial `--strength`.
  let hasTwin: Bool
  /// Whether the features of the recommended prompt are there.
  let hasPrompt: Bool
  /// The text encoder of a model that is conditioned on text and has one.
  let textEncoder: TextEncoderSummary?
  let parts: [Part]
  let parameters, bytes: Int
  let compute: Compute
  let provenance: [String: String]

  struct TextEncoderSummary: Encodable {
    let width, depth, heads: Int
  }

  /// The arithmetic and the machine that the model would run on.
  struct Compute: Encodable {
    let device, precision, reason, processor, libtorch: String
    let threads: Int

    init(_ policy: ComputePolicy) {
      device = policy.device.description
      precision = policy.precision.rawValue
      reason = policy.reason
      processor = Processor.current.name
      libtorch = TorchRuntime.version
      threads = TorchRuntime.threadCount
    }
  }

  init(_ folder: ModelFolder, _ policy: ComputePolicy) throws {
    compute = Compute(policy)
    let files = try WeightFolder(folder.path)
    let stored = try files.open()
    let weights = QuantizedSource(stored)
    path = folder.path
    configuration = folder.configuration
    hasTwin = folder.hasTwin
    hasPrompt = folder.hasPrompt
    textEncoder = try Self.textEncoder(folder)
    provenance = stored.metadata
    parts = Model.Part.allCases.compactMap { part in
      let names = weights.names.filter { $0.hasPrefix(part.rawValue) }
      guard !names.isEmpty else { return nil }
      return Part(
        name: Self.title(part), tensors: names.count,
        parameters: names.reduce(0) { $0 + weights.shape($1)!.reduce(1, *) },
        bytes: stored.names.filter { $0.hasPrefix(part.rawValue) }
          .reduce(0) { $0 + stored.shape($1)!.reduce(stored.dtype($1)!.size, *) })
    }
    parameters = parts.reduce(0) { $0 + $1.parameters }
    bytes = try files.files.reduce(0) { sum, file in
      let attributes = try FileManager.default.attributesOfItem(atPath: file)
      return sum + (attributes[.size] as? Int ?? 0)
    }
  }

  private static func textEncoder(_ folder: ModelFolder) throws -> TextEncoderSummary? {
    guard folder.configuration.transformer?.text != nil,
      FileManager.default.fileExists(atPath: folder.textEncoderPath)
    else { return nil }
    let c = try TextEncoderConfiguration(WeightFolder(folder.textEncoderPath).open())
    return TextEncoderSummary(width: c.width, depth: c.depth, heads: c.heads)
  }

  private static func title(_ part: Model.Part) -> String {
    switch part {
    case .network: "network"
    case .encoder: "encoder"
    case .decoder: "decoder"
    case .transformationNetwork: "transformation network"
    case .transformer: "transformer"
    }
  }

  var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }

  var text: String {
    let c = configuration
    var lines = ["\(c.name) (\(path))", "", "configuration"]
    func add(_ name: String, _ value: String) { lines.append(labelled(name, value)) }
    if let network = c.network {
      add("scale", "x\(c.scale)")
      add("network", network.title + "; no code")
      add("dial", hasTwin ? "--strength 0 to 1" : "none")
    } else {
      lines += codedConfiguration
    }
    lines += ["", "parameters"]
    for part in parts {
      add(
        part.name,
        "\(grouped(part.parameters)) in \(part.tensors) tensors, \(grouped(part.bytes)) bytes"
      )
    }
    add("total", "\(grouped(parameters)); on disk \(grouped(bytes)) bytes")
    lines += ["", "on this machine"]
    add("precision", "\(compute.precision): \(compute.reason)")
    add(
      "device",
      "\(compute.device), \(compute.threads) threads, libtorch \(compute.libtorch)")
    lines += ["", "provenance"]
    if provenance.isEmpty { lines.append("  none recorded") }
    for (key, value) in provenance.sorted(by: { $0.key < $1.key }) {
      // Texts of several lines, such as recipes, stand indented below their key.
      let texts = value.split(separator: "\n").map(String.init)
      if texts.count <= 1 {
        add(key, value)
      } else {
        lines += ["  \(key)"] + texts.map { "    " + $0 }
      }
    }
    return lines.joined(separator: "\n")
  }

  /// The lines on the networks around a code.
  private var codedConfiguration: [String] {
    let (c, t) = (configuration, configuration.tokenizer)
    var lines: [String] = []
    func add(_ name: String, _ value: String) { lines.append(labelled(name, value)) }
    add("scale", "x\(c.scale), tiles of \(c.tileSide)x\(c.tileSide) output pixels")
    add(
      "tokenizer",
      "f\(t.downsampling), \(t.latentChannels) bits a cell, widths "
        + t.channelMultipliers.map { "\(t.baseChannels * $0)" }.joined(separator: " ")
        + ", \(t.normalization.rawValue) normalisation")
    if let d = t.trunk {
      add(
        "decoder",
        "trunk of \(d.convolutions) convolutions of \(d.channels) channels at 1/\(c.scale), code joins after \(d.join)"
      )
    }
    add(
      "schedule",
      c.schedule.map(\.description).joined(separator: " ") + " tokens of \(c.tokenBits) bits")
    switch c.transformationNetwork {
    case .published(let n): add("transformation network", "published, scales \(n.scales)")
    case .convolutional(let n):
      add(
        "transformation network",
        "convolutional, \(n.blocks) blocks of \(n.channels) channels, scales \(n.scales)")
    case nil: add("transformation network", "none")
    }
    if let n = c.transformer {
      let condition = [n.text == nil ? nil : "text", n.picture == nil ? nil : "the input"]
        .compactMap { $0 }.joined(separator: " and ")
      add(
        "transformer",
        "\(n.depth) blocks, width \(n.width), \(n.heads) heads, conditioned on \(condition)")
    } else {
      add("transformer", "none")
    }
    if c.transformer?.text != nil {
      add(
        "text encoder",
        textEncoder.map { "T5, \($0.depth) blocks, width \($0.width), \($0.heads) heads" }
          ?? "none: the null text only")
    }
    let s = c.sampling
    add(
      "sampling",
      "temperature \(s.temperature), top-k \(s.topK), top-p \(s.topP), guidance \(s.guidance)")
    if let prompt = c.prompt {
      add("prompt", hasPrompt ? prompt : "the null text: the features of its prompt are missing")
    }
    if let scales = c.scales {
      add(
        "scales", scales == 0 ? "none: the decoder makes the picture alone" : "the first \(scales)")
    }
    return lines
  }
}
