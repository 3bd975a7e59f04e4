import Checkpoints
import Files
import Foundation
import NSARM
import Terminal

/// What `nsarm convert` reads and what it will write.
struct ConvertPlan {
  let output: String
  /// Files that are read, in order.
  let sources: [String]
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
    let sources: [String]
    /// The pieces of words that it knows.
    let vocabulary: String
  }

  /// The vocabulary in the folder of a text encoder.
  static let vocabulary = "spiece.model"

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
      let vocabulary = "\(folder)/\(Self.vocabulary)"
      guard FileManager.default.fileExists(atPath: vocabulary) else {
        throw CheckpointError(
          vocabulary, "is missing; --text-encoder names a folder that holds it and the weights")
      }
      return (files: try CheckpointFiles([folder]), vocabulary: vocabulary)
    }
    sources =
      try published.map { $0.main.paths + $0.tokenizer.paths }
      ?? network.map { $0.paths + (twinFiles?.paths ?? []) }
      ?? WeightFolder(command.checkpoints[0]).files
    let all = sources + (textFiles.map { $0.files.paths } ?? [])
    try Self.checkOutput(command, sources: all)

    let scratch = FreeSpace.existingFolder(of: output)
    if let (main, tokenizer) = published {
      let progress = ConvertProgress("putting pieces together", bytes: main.byteCount)
      model = try PublishedModel(
        transformer: try main.open(scratch: scratch, progress: progress.add),
        tokenizer: try tokenizer.open(scratch: scratch))
      progress.clear()
    } else if let network {
      model = try PublishedModel(
        network: try network.open(scratch: scratch), name: Self.name(of: command.checkpoints[0]))
    } else {
      model = try PublishedModel(folder!)
    }
    let format = command.quantize ?? (network == nil ? .bf16 : .none)
    // Sizes of tensors that do not fit may be any numbers.
    func plan(_ model: PublishedModel) -> ShardPlan {
      ShardPlan(model.remainder.problems.isEmpty ? model.weights.map(format.pending) : [])
    }
    weights = plan(model)
    twin = try twinFiles.map { [model] files in
      let twin = try PublishedModel(
        network: try files.open(scratch: scratch), name: model.configuration.name)
      guard twin.configuration == model.configuration else {
        throw CheckpointError(files.paths[0], "is no twin: its network has another shape")
      }
      return (twin, plan(twin))
    }
    text = try textFiles.map { [model] files, vocabulary in
      let encoder = try PublishedTextEncoder(try files.open(scratch: scratch))
      let channels = model.configuration.transformer?.text?.channels ?? 0
      guard encoder.shape.channels == channels else {
        throw CheckpointError(
          files.paths[0],
          "makes features of \(encoder.shape.channels) channels, but the transformer"
            + " reads \(channels); these files do not belong together")
      }
      let format = format == .none ? WeightFormat.none : .bf16
      let fits = encoder.remainder.problems.isEmpty
      return TextEncoder(
        encoder: encoder, weights: ShardPlan(fits ? encoder.weights.map(format.pending) : []),
        sources: files.paths + [vocabulary], vocabulary: vocabulary)
    }
  }

  /// Keys that do not fit, of all files.
  var problems: [String] {
    model.remainder.problems + (twin?.model.remainder.problems ?? [])
      + (text?.encoder.remainder.problems ?? [])
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

/// The progress of reading, hashing and writing, measured in bytes; Ctrl-C ends the work.
final class ConvertProgress {
  private let display: ProgressDisplay
  private let total: Double
  private var done = 0.0

  init(_ name: String, bytes: Int) {
    display = ProgressDisplay(name)
    total = Double(max(bytes, 1))
  }

  /// What is being done now.
  var name: String {
    get { display.name }
    set { display.name = newValue }
  }

  /// - Throws: `CancellationError` after Ctrl-C.
  func add(_ bytes: Int) throws {
    if Interruption.isRequested { throw CancellationError() }
    done += Double(bytes)
    display.update(min(1, done / total))
  }

  func clear() { display.clear() }
}
