import ArgumentParser
import Checkpoints
import Files
import Foundation
import NSARM
import PublishedCheckpoints
import Terminal

/// `nsarm verify MODEL`, `nsarm verify CHECKPOINT...`
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check a published checkpoint, or a model folder that was converted.",
    discussion: """
      Of a checkpoint (NSARM or Infinity, whole or in pieces, a tokenizer, Flan-T5) the names and shapes of \
      all tensors are compared with the published ones, the MD5 sum where its makers tell it, and values \
      are looked at: all finite, no matrix of zeros. The last line is then 'as published'.

      Of a model folder all files have to be there and fit config.json, the sums of all tensors and what \
      the first networks make of a fixed picture have to be those that 'nsarm convert' noted in \
      verification.json, so that a copy on another machine can be checked. The last line is then 'as \
      converted'.

      Otherwise the first difference is named, and the exit status is 1.
      """)

  @Argument(
    help: ArgumentHelp(
      "A model folder or its name; or one checkpoint: a file, a folder, or all pieces of a file.",
      valueName: "model|checkpoint"))
  var paths: [String]

  func validate() throws {
    if paths.contains("") { throw ValidationError("a name is empty; name a model or a checkpoint") }
  }

  func run() throws {
    Interruption.install()
    do {
      if paths.count == 1, let folder = try Self.modelFolder(paths[0]) {
        try FolderCheck(folder).run()
      } else {
        try CheckpointCheck(try CheckpointFiles(paths)).run()
      }
    } catch is CancellationError {
      note("stopped")
      throw ExitCode(Interruption.status)
    }
  }

  /// The model of a name or path; nil: it is a checkpoint.
  private static func modelFolder(_ name: String) throws -> ModelFolder? {
    let files = FileManager.default
    if files.fileExists(atPath: name) {
      // A text encoder of Hugging Face has a config.json, too.
      guard files.fileExists(atPath: name + "/config.json"), !isHuggingFace(name) else {
        return nil
      }
      return try ModelFolder(name)
    }
    return name.contains("/") || name.contains(".") ? nil : try ModelFolder(ModelLocator.find(name))
  }

  private static func isHuggingFace(_ folder: String) -> Bool {
    guard let data = FileManager.default.contents(atPath: folder + "/config.json"),
      let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
    else { return false }
    return object["model_type"] != nil || object["architectures"] != nil
  }
}

/// The check of a model folder.
private struct FolderCheck {
  private let check: FolderVerification

  init(_ folder: ModelFolder) throws { check = try FolderVerification(folder) }

  func run() throws {
    let folder = check.folder
    try StandardOutput.print("\(folder.configuration.name) (\(folder.path))")
    let parts = check.parts.map { $0.name.isEmpty ? "model" : $0.name }.joined(separator: ", ")
    try line("files", "whole: \(parts), \(grouped(check.tensorCount)) tensors")
    try line("shapes", "as config.json asks for")
    let progress = ByteProgress("reading", bytes: check.byteCount)
    defer { progress.clear() }
    try check.checkValues(progress: progress.add)
    progress.clear()
    let sums = check.expected == nil ? "" : ", all sums as converted"
    try line("values", "finite, no matrix of zeros\(sums)")
    let distance = try check.checkActivations()
    guard let expected = check.expected, let distance else {
      try line("activations", "finite")
      return try StandardOutput.print(
        "whole; without \(ModelVerification.file), which 'nsarm convert' writes, there is nothing to"
          + " compare with")
    }
    let names = expected.activations.map(\.name).joined(separator: ", ")
    let text = String(format: "%.1e", distance)
    try line("activations", "\(names): as converted, at most \(text) standard deviations away")
    try StandardOutput.print(
      expected.published.map { "as converted, from \($0) as published" } ?? "as converted")
  }
}

/// The check of a checkpoint as it was downloaded.
private struct CheckpointCheck {
  private let files: CheckpointFiles

  init(_ files: CheckpointFiles) { self.files = files }

  func run() throws {
    let found = try PublishedVerification(try files.open())
    let checkpoint = found.checkpoint
    try StandardOutput.print("\(checkpoint.name) (\(files.title))")
    try line("shapes", "as published, \(grouped(found.weights.count)) tensors")
    if !found.remainder.ignored.isEmpty {
      try line(
        "besides", PublishedRemainder.summary(found.remainder.ignored).joined(separator: ", "))
    }
    let bytes = checkpoint.md5 == nil ? 0 : files.byteCount
    let weightBytes = found.weights.reduce(0) { $0 + $1.shape.reduce($1.dtype.size, *) }
    let progress = ByteProgress("reading", bytes: bytes + weightBytes)
    defer { progress.clear() }
    // In the order of the file, whose sum is taken up to each weight before it is read.
    let digest = checkpoint.md5.map { _ in RunningDigest(files.paths, joinedMD5: true) }
    let isWhole = files.files.count == 1
    func start(_ weight: PublishedWeight) -> Int {
      weight.file.place(weight.key)?.bytes.lowerBound ?? 0
    }
    for weight in isWhole ? found.weights.sorted(by: { start($0) < start($1) }) : found.weights {
      if isWhole, let end = weight.file.place(weight.key)?.bytes.upperBound {
        try digest?.advance(to: end, progress: progress.add)
      }
      try PublishedVerification.checkValues(
        try weight.file.tensor(weight.key), weight.key, weight.file.title)
      try weight.file.checkWhole()
      weight.file.release(weight.key)
      try progress.add(weight.shape.reduce(weight.dtype.size, *))
    }
    let sum = try digest?.finish(progress: progress.add).joinedMD5
    progress.clear()
    try line("values", "finite, no matrix of zeros")
    if let sum, let expected = checkpoint.md5 {
      guard sum == expected else {
        throw CheckpointError(
          files.title,
          "has MD5 \(sum), \(checkpoint.name) has \(expected); download it again, all pieces")
      }
      try line("MD5", "\(sum), as published")
    } else {
      try line("MD5", "its makers tell none: shapes and values only")
    }
    try StandardOutput.print("as published")
  }
}

private func line(_ name: String, _ value: String) throws {
  try StandardOutput.print(labelled(name, value))
}
