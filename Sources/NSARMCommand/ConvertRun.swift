import Files
import Foundation
import NSARM
import Prompts
import Terminal

/// Writes the model folder of a `ConvertPlan`.
struct ConvertRun {
  private let plan: ConvertPlan
  private let progress: ConvertProgress

  init(_ plan: ConvertPlan) {
    self.plan = plan
    let sources = plan.sources + (plan.text?.sources ?? [])
    progress = ConvertProgress(
      "", bytes: plan.byteCount + sources.reduce(0) { $0 + Self.byteCount($1) })
  }

  /// - Throws: `CancellationError` after Ctrl-C; then, as after any error, nothing is left of the
  ///   new folder.
  func start() throws {
    defer { progress.clear() }
    // A file system wants some room for itself.
    try FreeSpace.require(plan.byteCount + 64 << 20, at: plan.output)
    let provenance = try provenance(plan.sources)
    let textProvenance = try plan.text.map { try self.provenance($0.sources) }
    progress.name = "converting"
    try ModelFolder.write(
      plan.model.configuration, plan.weights, to: plan.output, provenance: provenance,
      others: { folder in
        for path in [plan.folder?.calibrationPath, plan.folder?.promptPath].compactMap({ $0 })
        where FileManager.default.fileExists(atPath: path) {
          try copy(path, into: folder)
        }
        if let twin = plan.twin {
          let path = "\(folder)/\(ModelFolder.twin)"
          try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false)
          try twin.weights.write(to: path, metadata: provenance, progress: progress.add)
        }
        guard let text = plan.text else { return }
        let path = "\(folder)/\(ModelFolder.textEncoder)"
        try FileManager.default.createDirectory(
          atPath: path, withIntermediateDirectories: false)
        try text.weights.write(to: path, metadata: textProvenance!, progress: progress.add)
        try copy(text.vocabulary, into: path)
        try writePrompt(folder)
      }, progress: progress.add)
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

  /// What the files' metadata say of where the weights came from.
  private func provenance(_ sources: [String]) throws -> [String: String] {
    let date = ISO8601DateFormatter.string(
      from: Date(), timeZone: .gmt, formatOptions: .withFullDate)
    var result = try plan.folder?.provenance() ?? [:]
    result["converted"] = "\(date) by nsarm \(Version.text)"
    for source in sources {
      let name = (source as NSString).lastPathComponent
      progress.name = "reading \(name)"
      result["source \(name)"] =
        "\(Self.byteCount(source)) bytes, SHA-256 "
        + (try FileDigest.sha256(source, progress: progress.add))
    }
    return result
  }

  private static func byteCount(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }
}
