import Foundation
import Imaging

/// Another program's method: a command that reads a picture file and writes an enlarged one.
///
/// ```swift
/// let peer = try PeerCommand("x4plus=python3 run.py {input} {output}")
/// let (image, seconds) = try peer.restore("low.png", to: "high.png", width: 1024, height: 768)
/// ```
///
/// The command is started without a shell: what it is given can neither be expanded nor executed.
/// With `{inputs}` and `{outputs}` it is given folders of pictures instead.
public struct PeerCommand: Equatable, Sendable {
  public let name: String
  /// As it was given.
  public let command: String
  /// Whether it takes folders, and therefore all pictures at once.
  public let takesFolders: Bool
  private let words: [String]

  /// - Parameter text: `NAME=COMMAND`.
  /// - Throws: `EvaluationError` that says what is wrong with it.
  public init(_ text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2, !parts[0].isEmpty,
      parts[0].allSatisfy({ $0.isLetter || $0.isNumber || "-_.+".contains($0) }),
      !parts[0].hasPrefix(".")
    else {
      throw EvaluationError(
        "'\(text)' is not NAME=COMMAND with a name of letters, digits, '-', '_', '+' and '.'")
    }
    (name, command) = (parts[0], parts[1])
    guard let words = commandWords(command), !words.isEmpty else {
      throw EvaluationError("peer \(name): a quote in \(command) has no end, or it is empty")
    }
    func holds(_ placeholder: String) -> Bool { words.contains { $0.contains(placeholder) } }
    switch (holds("{input}") && holds("{output}"), holds("{inputs}") && holds("{outputs}")) {
    case (true, false): takesFolders = false
    case (false, true): takesFolders = true
    default:
      throw EvaluationError(
        "peer \(name): the command needs {input} and {output} for a picture, or {inputs} and "
          + "{outputs} for folders, to stand where the paths go")
    }
    guard let program = ChildProcess.find(words[0]) else {
      throw EvaluationError(
        "peer \(name): there is no program \(words[0]); install it or give its path")
    }
    self.words = [program] + words.dropFirst()
  }

  /// Restores one picture.
  ///
  /// - Returns: RGB of 8 bit, and the seconds that the command took, its start included.
  /// - Throws: `EvaluationError` where the command fails or writes no picture of this size.
  public func restore(_ input: String, to output: String, width: Int, height: Int) throws -> (
    image: Image, seconds: Double
  ) {
    let seconds = try run(["{input}": input, "{output}": output], input)
    return (try picture(output, of: input, width: width, height: height), seconds)
  }

  /// Restores all pictures of a folder into another; each keeps its name up to the extension.
  ///
  /// - Returns: the seconds that the command took, its start included.
  /// - Throws: `EvaluationError` where the command fails.
  public func restoreAll(_ inputs: String, to outputs: String) throws -> Double {
    try run(["{inputs}": inputs, "{outputs}": outputs], inputs)
  }

  /// A picture that the command wrote.
  /// - Throws: `EvaluationError` where there is none, or none of this size.
  func picture(_ output: String, of input: String, width: Int, height: Int) throws -> Image {
    guard FileManager.default.fileExists(atPath: output) else {
      throw EvaluationError("peer \(name): wrote no \(output) for \(input); check its command")
    }
    let image = try ImageFile.readRGB(output)
    guard image.width == width, image.height == height else {
      throw EvaluationError(
        "peer \(name): \(output) has \(image.width)x\(image.height) pixels, expected "
          + "\(width)x\(height); check its command's scale")
    }
    return image
  }

  private func run(_ paths: [String: String], _ input: String) throws -> Double {
    let words = words.map { word in
      word.replacing(#/\{(input|output)s?\}/#) { paths[String($0.output.0)] ?? "" }
    }
    let start = ContinuousClock.now
    let run: ChildProcess
    do {
      run = try ChildProcess(words[0], Array(words.dropFirst()))
    } catch {
      throw EvaluationError("peer \(name): \(words[0]) does not start: \(error.localizedDescription)")
    }
    guard run.status == 0 else {
      throw EvaluationError(
        "peer \(name): failed with status \(run.status) on \(input): \(run.lastError)")
    }
    return (ContinuousClock.now - start) / .seconds(1)
  }
}
