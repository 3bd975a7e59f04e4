import Files
import Foundation
import Imaging

/// Another program's method: a command that reads a picture file and writes an enlarged one.
///
/// ```swift
/// let peer = try PeerCommand("x4plus=python3 run.py {input} {output}")
/// ```
///
/// The command is started without a shell, so that its arguments are neither expanded nor executed.
/// With `{inputs}` and `{outputs}` it receives folders and keeps the pictures' names up to the
/// extension. Its time includes its start.
public struct PeerCommand: EvaluationMethod {
  public let name: String
  /// The command as given.
  public let command: String
  /// Whether the command takes folders, and therefore all pictures of a set at once.
  public let takesFolders: Bool
  private let words: [String]

  /// - Parameter text: `NAME=COMMAND`.
  /// - Throws: `EvaluationError` where it is not of that form or the program is not found.
  public init(_ text: String) throws {
    let argument = try NamedArgument(text, form: "NAME=COMMAND")
    (name, command) = (argument.name, argument.value)
    guard name.first != ".",
      name.allSatisfy({ $0.isLetter || $0.isNumber || "-_.+".contains($0) })
    else {
      throw EvaluationError(
        "'\(text)' is not NAME=COMMAND with a name of letters, digits, '-', '_', '+' and '.'")
    }
    guard let words = commandWords(command), let word = words.first else {
      throw EvaluationError("peer \(name): a quote in \(command) has no end, or it is empty")
    }
    func holds(_ placeholders: String...) -> Bool {
      placeholders.allSatisfy { placeholder in words.contains { $0.contains(placeholder) } }
    }
    switch (holds("{input}", "{output}"), holds("{inputs}", "{outputs}")) {
    case (true, false): takesFolders = false
    case (false, true): takesFolders = true
    default:
      throw EvaluationError(
        "peer \(name): the command needs {input} and {output} where the paths of a picture go, or "
          + "{inputs} and {outputs} for those of folders")
    }
    guard let program = ChildProcess.find(word) else {
      throw EvaluationError("peer \(name): no program \(word); install it or give its path")
    }
    self.words = [program] + words.dropFirst()
  }

  public var keepsPictures: Bool { true }

  public func identity(set: String, label: String) -> String { command }

  /// - Throws: `EvaluationError` where the command fails or writes no picture of the right size.
  public func restore(_ input: MethodInput) throws -> (image: Image, seconds: Double?) {
    try TemporaryFolder.with { scratch in
      let output = "\(scratch)/restored.png"
      let seconds = try run(["{input}": input.file, "{output}": output], input.file)
      let path = try result(output, of: input.file)
      do {
        return (try ImageFile.readRGB(path, width: input.width, height: input.height), seconds)
      } catch {
        throw EvaluationError("peer \(name): \(error)")
      }
    }
  }

  /// - Throws: `EvaluationError` where the command fails or leaves a picture out.
  public func restoreAll(_ files: [(input: String, output: String)]) throws -> Double {
    try TemporaryFolder.with { scratch in
      let (inputs, outputs) = ("\(scratch)/inputs", "\(scratch)/outputs")
      for folder in [inputs, outputs] {
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: false)
      }
      for (index, file) in files.enumerated() {
        try FileManager.default.copyItem(atPath: file.input, toPath: "\(inputs)/\(index).png")
      }
      let seconds = try run(["{inputs}": inputs, "{outputs}": outputs], inputs)
      let restored = try? PictureFolder(outputs)
      for (index, file) in files.enumerated() {
        let path = try result(
          restored?.file(stem: "\(index)") ?? "\(outputs)/\(index).png", of: file.input)
        try ImageFile.readRGB(path)
          .write(to: file.output, options: EncodingOptions(effort: 1), overwrite: true)
      }
      return seconds / Double(files.count)
    }
  }

  private func result(_ output: String, of input: String) throws -> String {
    guard FileManager.default.fileExists(atPath: output) else {
      throw EvaluationError(
        "peer \(name): wrote no \((output as NSString).lastPathComponent) for \(input); check its "
          + "command")
    }
    return output
  }

  private func run(_ paths: [String: String], _ input: String) throws -> Double {
    let words = words.map { word in
      word.replacing(#/\{(input|output)s?\}/#) { paths[String($0.output.0)] ?? "" }
    }
    let start = ContinuousClock.now
    let run: ChildProcess.Result
    do {
      run = try ChildProcess.run(words[0], Array(words.dropFirst()))
    } catch let failure as ChildProcess.StartFailure {
      throw EvaluationError("peer \(name): \(failure)")
    }
    guard run.status == 0 else {
      throw EvaluationError(
        "peer \(name): failed with status \(run.status) on \(input): \(run.lastError)")
    }
    return (ContinuousClock.now - start) / .seconds(1)
  }
}
