import Checkpoints
import Files
import Foundation
import NSARM
import PublishedCheckpoints

/// The files that `nsarm convert` reads, and the model that it will write.
struct ConvertPlan {
  let output: String
  /// The files that the model's weights are read from, and those of the text encoder.
  let sources: ConvertSources
  let model: PublishedModel
  let weights: ShardPlan
  let text: TextEncoder?
  /// The network that the dial's other end has.
  let twin: (model: PublishedModel, weights: ShardPlan)?
  /// The model folder that is stored anew.
  let folder: ModelFolder?

  struct TextEncoder {
    let encoder: PublishedTextEncoder
    let weights: ShardPlan
    let sources: ConvertSources
    /// The pieces of words that it knows, as a file of SentencePiece.
    let vocabulary: Data
  }

  /// - Throws: what is wrong with the files, without those of `problems`.
  init(_ command: ConvertCommand) throws {
    output = command.output
    let published = try command.vae.map {
      (main: try CheckpointFiles(command.checkpoints), tokenizer: try CheckpointFiles([$0]))
    }
    let isFolder = Files.isFolder(command.checkpoints[0])
    let network =
      published == nil && !isFolder ? try CheckpointFiles(command.checkpoints) : nil
    let twinFiles = try command.twin.map { try CheckpointFiles([$0]) }
    folder = published == nil && isFolder ? try ModelFolder(command.checkpoints[0]) : nil
    let textFiles = try command.textEncoder.map { folder in
      (files: try CheckpointFiles([folder]), vocabulary: try Self.vocabulary(in: folder))
    }
    sources = ConvertSources(
      try published.map { $0.main.files + $0.tokenizer.files }
        ?? network.map { $0.files + (twinFiles?.files ?? []) }
        ?? WeightFolder(command.checkpoints[0]).files.map { ($0, [$0]) })
    try Self.checkOutput(command, sources: sources.paths + (textFiles?.files.paths ?? []))

    if let (main, tokenizer) = published {
      model = try PublishedModel(transformer: try main.open(), tokenizer: try tokenizer.open())
    } else if let network {
      model = try PublishedModel(
        network: try network.open(), name: Self.name(of: command.checkpoints[0]))
    } else {
      model = try PublishedModel(folder!)
    }
    let format = command.quantize ?? (network == nil ? .bf16 : .none)
    // Sizes of tensors that do not fit may be any numbers.
    func plan(_ model: PublishedModel, _ sources: ConvertSources) -> ShardPlan {
      model.remainder.problems.isEmpty ? sources.plan(model.weights, format) : ShardPlan([])
    }
    weights = plan(model, sources)
    twin = try twinFiles.map { [model, sources] files in
      let twin = try PublishedModel(
        network: try files.open(), name: model.configuration.name)
      guard twin.configuration == model.configuration else {
        throw CheckpointError(files.paths[0], "is no twin: its network has another shape")
      }
      return (twin, plan(twin, sources))
    }
    text = try textFiles.map { [model] files, vocabulary in
      let encoder = try PublishedTextEncoder(try files.open())
      let channels = model.configuration.transformer?.text?.channels ?? 0
      guard encoder.shape.channels == channels else {
        throw CheckpointError(
          files.paths[0],
          "makes features of \(encoder.shape.channels) channels, but the transformer"
            + " reads \(channels); these files do not belong together")
      }
      let format = format == .none ? WeightFormat.none : .bf16
      let fits = encoder.remainder.problems.isEmpty
      let sources = ConvertSources(files.files + [(vocabulary.path, [vocabulary.path])])
      return TextEncoder(
        encoder: encoder,
        weights: fits ? sources.plan(encoder.weights, format) : ShardPlan([]), sources: sources,
        vocabulary: vocabulary.model)
    }
  }

  /// The vocabulary in the folder of a text encoder: SentencePiece's, or one that is made of that
  /// of a fast tokenizer.
  private static func vocabulary(in folder: String) throws -> (path: String, model: Data) {
    let path = "\(folder)/\(PublishedVocabulary.sentencePieceFile)"
    if let model = FileManager.default.contents(atPath: path) { return (path, model) }
    let other = "\(folder)/\(PublishedVocabulary.file)"
    guard let data = FileManager.default.contents(atPath: other) else {
      throw CheckpointError(
        path,
        "is missing, and so is \(PublishedVocabulary.file); --text-encoder names a folder that holds"
          + " one of them and the weights")
    }
    return (other, try PublishedVocabulary(data, path: other).sentencePieceModel)
  }

  /// The keys of all files that do not go into the model.
  var remainder: PublishedRemainder {
    model.remainder + (twin?.model.remainder ?? PublishedRemainder())
      + (text?.encoder.remainder ?? PublishedRemainder())
  }

  /// Bytes of the weights that will be written.
  var byteCount: Int {
    weights.byteCount + (twin?.weights.byteCount ?? 0) + (text?.weights.byteCount ?? 0)
  }

  /// A model's name, after the file that it is made of.
  private static func name(of path: String) -> String {
    let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
    return name.isEmpty ? "network" : String(name.prefix(64))
  }

  /// - Throws: where the output is there already, is something else than a model, or holds a
  ///   source.
  private static func checkOutput(_ command: ConvertCommand, sources: [String]) throws {
    let output = command.output
    let target = PathIdentity(output)
    for source in sources
    where ancestors(of: source).contains(where: { PathIdentity($0) == target }) {
      throw CheckpointError(output, "holds \(source); choose another folder for the model")
    }
    guard !command.dryRun, FileManager.default.fileExists(atPath: output) else { return }
    guard command.overwrite else { throw FileError.exists(path: output) }
    let names = try? FileManager.default.contentsOfDirectory(atPath: output)
    guard let names, names.isEmpty || names.contains("config.json") else {
      throw CheckpointError(
        output, "is no model folder, so it is not replaced; choose another name")
    }
  }
}

extension ConvertPlan {
  /// The model, its files with their sizes, and the keys that were left out.
  var report: String {
    let c = model.configuration
    var lines = ["\(c.name) (\(output))"]
    func add(_ name: String, _ value: String) { lines.append(labelled(name, value)) }
    func size(_ weights: [PublishedWeight], _ prefix: String = "") -> String {
      grouped(
        weights.filter { $0.name.hasPrefix(prefix) }.reduce(0) { $0 + $1.shape.reduce(1, *) })
        + " parameters"
    }
    if let network = c.network {
      add("network", "\(network.title), \(size(model.weights))")
      add("dial", twin == nil ? "none" : "--strength, by the twin")
    } else {
      let t = c.tokenizer
      add(
        "tokenizer",
        "f\(t.downsampling), \(t.latentChannels) bits a cell, \(size(model.weights, "tokenizer."))")
    }
    if case .published(let n)? = c.transformationNetwork {
      let part = Model.Part.transformationNetwork.rawValue
      add(
        "transformation network",
        "scales \(n.scales), heads \(n.heads), \(size(model.weights, part))")
    }
    if let n = c.transformer {
      let part = Model.Part.transformer.rawValue
      add(
        "transformer",
        "\(n.depth) blocks, width \(n.width), \(n.heads) heads, tokens of \(c.tokenBits) bits,"
          + " \(size(model.weights, part))")
    }
    if let text {
      let s = text.encoder.shape
      add(
        "text encoder",
        "\(s.blocks) blocks, width \(s.channels), \(s.heads) heads, \(size(text.encoder.weights))")
    }
    lines += ["", "files"]
    func list(_ plan: ShardPlan, in folder: String) {
      for shard in plan.shards {
        let name = (folder + shard.file).padding(toLength: 48, withPad: " ", startingAt: 0)
        lines.append("  \(name)\(grouped(shard.byteCount)) bytes")
      }
    }
    list(weights, in: "")
    if let twin { list(twin.weights, in: ModelFolder.twin + "/") }
    if let text { list(text.weights, in: ModelFolder.textEncoder + "/") }
    let dropped = PublishedRemainder.summary(remainder.dropped)
    if !dropped.isEmpty { lines += ["", "left out"] + dropped.map { "  " + $0 } }
    return lines.joined(separator: "\n")
  }
}
