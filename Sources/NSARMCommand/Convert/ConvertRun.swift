import Checkpoints
import Files
import Foundation
import NSARM
import Prompts
import PublishedCheckpoints
import Terminal

/// Writes the model folder of a `ConvertPlan`.
struct ConvertRun {
  private let plan: ConvertPlan
  private let progress: ByteProgress

  init(_ plan: ConvertPlan) {
    self.plan = plan
    progress = ByteProgress(
      "converting",
      bytes: plan.byteCount + plan.sources.byteCount + (plan.text?.sources.byteCount ?? 0))
    plan.sources.progress = progress.add
    plan.text?.sources.progress = progress.add
  }

  /// - Throws: `CancellationError` after Ctrl-C; then, as after any error, nothing is left of the
  ///   new folder.
  func start() throws {
    defer { progress.clear() }
    // A file system wants some room for itself.
    try FreeSpace.require(plan.byteCount + 64 << 20, at: plan.output)
    var verification = ModelVerification()
    try ModelFolder.write(plan.model.configuration, to: plan.output) { folder in
      verification.tensors[""] = try write(plan.weights, plan.sources, to: folder)
      for path in [plan.folder?.calibrationPath, plan.folder?.promptPath].compactMap({ $0 })
      where FileManager.default.fileExists(atPath: path) {
        try copy(path, into: folder)
      }
      if let path = plan.folder?.textEncoderPath, isFolder(path) {
        progress.name = "copying the text encoder"
        try FileManager.default.copyItem(
          atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path,
          toPath: "\(folder)/\(ModelFolder.textEncoder)")
        verification.tensors[ModelFolder.textEncoder] = try ModelVerification.sums(
          WeightFolder("\(folder)/\(ModelFolder.textEncoder)").open())
      }
      if let twin = plan.twin {
        verification.tensors[ModelFolder.twin] = try write(
          twin.weights, plan.sources, to: try subfolder(ModelFolder.twin, of: folder))
      }
      if let text = plan.text {
        let path = try subfolder(ModelFolder.textEncoder, of: folder)
        verification.tensors[ModelFolder.textEncoder] = try write(
          text.weights, text.sources, to: path)
        try AtomicFile.write(
          text.vocabulary, to: "\(path)/\(PublishedVocabulary.sentencePieceFile)")
        try writePrompt(folder)
      }
      let vocabulary = "\(folder)/\(ModelVerification.vocabulary)"
      if FileManager.default.fileExists(atPath: vocabulary) {
        verification.files[ModelVerification.vocabulary] = try ModelVerification.sum(vocabulary)
      }
      let prompt = "\(folder)/\(ModelFolder.promptFile)"
      if FileManager.default.fileExists(atPath: prompt) {
        verification.tensors[ModelFolder.promptFile] = try ModelVerification.sums(
          try SafetensorsFile(prompt))
      }
      if plan.model.configuration.name == Self.nsarmName, try checkSum() {
        verification.published = PublishedCheckpoint.nsarm.name
      }
      progress.name = "verifying"
      verification.activations = try ModelVerification.activations(
        plan.model.configuration, try WeightFolder(folder).open())
      try write(verification, to: "\(folder)/\(ModelVerification.file)")
    }
  }

  /// The name of the model that the published checkpoint becomes.
  private static let nsarmName = "nsarm-8b"

  /// Whether the source is the published NSARM; a file that only has its name gets a warning.
  private func checkSum() throws -> Bool {
    let (isPublished, difference) = try plan.sources.nsarm()
    if let difference {
      progress.clear()
      note("warning: \(difference)")
    }
    return isPublished
  }

  /// Writes weights, whose files say where they came from.
  /// - Returns: the sums of the tensors.
  private func write(
    _ weights: ShardPlan, _ sources: ConvertSources, to folder: String
  ) throws -> [String: String] {
    let date = ISO8601DateFormatter.string(
      from: Date(), timeZone: .gmt, formatOptions: .withFullDate)
    var texts = try plan.folder?.provenance() ?? [:]
    texts["converted"] = "\(date) by nsarm \(Version.text)"
    var sums: [String: String] = [:]
    try weights.write(
      to: folder, announced: texts.merging(sources.announced) { $1 }, progress: progress.add,
      written: { name, bytes in sums[name] = FileDigest.md5(bytes) },
      metadata: { texts.merging(try sources.provenance()) { $1 } })
    return sums
  }

  private func write(_ verification: ModelVerification, to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(try encoder.encode(verification), to: path)
  }

  private func subfolder(_ name: String, of folder: String) throws -> String {
    let path = "\(folder)/\(name)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    return path
  }

  /// Writes the features of the model's own prompt, so that pictures without another need no text
  /// encoder.
  /// - Parameter folder: has the encoder.
  private func writePrompt(_ folder: String) throws {
    let configuration = plan.model.configuration
    guard let prompt = configuration.prompt, let text = configuration.transformer?.text else {
      return
    }
    progress.name = "encoding the prompt"
    let encoder = try PromptEncoder(
      "\(folder)/\(ModelFolder.textEncoder)", channels: text.channels,
      limit: min(512, text.maximumLength), cache: nil)
    let features = try encoder([prompt]) { _ in
      if Interruption.isRequested { throw CancellationError() }
    }
    try ModelFolder.write(features[prompt]!.features.selected(0, 0), of: prompt, to: folder)
  }

  private func copy(_ file: String, into folder: String) throws {
    try AtomicFile.write(
      try Data(contentsOf: URL(fileURLWithPath: file)),
      to: "\(folder)/\((file as NSString).lastPathComponent)")
  }
}
