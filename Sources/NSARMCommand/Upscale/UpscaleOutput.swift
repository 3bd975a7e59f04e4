import Files
import Foundation
import Imaging
import Terminal
import Torch
import Upscaling

/// The output of `nsarm upscale`: a line per picture on standard output; errors, warnings and a
/// closing line on standard error.
struct UpscaleOutput {
  /// The model's name and how it computes, once it is loaded.
  var model: (name: String, policy: ComputePolicy)?
  private(set) var failureCount = 0

  private let command: UpscaleCommand
  private let streams: StandardStreams
  private let start = Date()
  private var successCount = 0
  private var skippedCount = 0

  init(_ command: UpscaleCommand, _ streams: StandardStreams) {
    self.command = command
    self.streams = streams
  }

  mutating func failed(_ input: String, _ error: any Error) throws {
    failureCount += 1
    let text = text(of: error, input)
    note("error: \(text)")
    if command.json {
      try StandardOutput.print(line(Failure(input: streams.named(input), error: text)))
    }
  }

  /// The line on a picture that could not be restored.
  func text(of error: any Error, _ input: String) -> String {
    let reason = streams.named(errorText(error, ofUpscale: true))
    return reason.contains(streams.named(input)) ? reason : "\(streams.named(input)): \(reason)"
  }

  /// Prints the line of `--dry-run` on a picture.
  mutating func planned(_ item: BatchPlan.Item) throws {
    do {
      guard command.picture.overwrite || !FileManager.default.fileExists(atPath: item.output) else {
        throw FileError.exists(path: item.output)
      }
      var reading = command.reading
      reading.page = item.page
      let picture = try ImageFile.open(item.input.path, options: reading)
      let size = try command.outputSize.size(
        width: picture.width, height: picture.height, path: item.input.path)
      let input = streams.named(item.input.path)
      guard command.json else {
        return try StandardOutput.print(
          "\(input) -> \(streams.named(item.output)): \(picture.width)x\(picture.height) ->"
            + " \(size.width)x\(size.height)")
      }
      try StandardOutput.print(
        line(
          Planned(
            input: input, output: item.output, page: item.page.map { $0 + 1 },
            inputWidth: picture.width, inputHeight: picture.height, width: size.width,
            height: size.height, scale: scale((picture.width, picture.height)))))
    } catch let error as StandardOutput.WriteError {
      throw error
    } catch {
      try failed(item.input.path, error)
    }
  }

  /// Prints the lines of `--explain` on a picture.
  mutating func explained(_ item: BatchPlan.Item) throws {
    do {
      var options = PhotoUpscaler.Options()
      command.apply(to: &options)
      options.reading.page = item.page
      let reader = try ImageFile.open(item.input.path, options: options.reading)
      let explanation = try Explanation(
        reader, item, named: streams.named(item.input.path), options)
      try StandardOutput.print(command.json ? line(explanation) : explanation.text)
    } catch let error as StandardOutput.WriteError {
      throw error
    } catch {
      try failed(item.input.path, error)
    }
  }

  mutating func skipped(_ item: BatchPlan.Item) throws {
    skippedCount += 1
    guard command.json else { return }
    try StandardOutput.print(
      line(Skipped(input: item.input.path, output: item.output, skipped: "exists already")))
  }

  mutating func succeeded(
    _ item: BatchPlan.Item, _ report: PhotoUpscaler.Report, prompt: String?, seconds: Double
  ) throws {
    try streams.sendOutput()
    let input = streams.named(item.input.path)
    let warnings = report.warnings.map(Remedies.warning)
    for warning in warnings { note("warning: \(input): \(warning)") }
    let (from, to) = (report.inputSize, report.outputSize)
    if command.json {
      let (name, policy) = model!
      try StandardOutput.print(
        line(
          Success(
            input: input, output: item.output, page: item.page.map { $0 + 1 },
            inputWidth: from.width, inputHeight: from.height, width: to.width, height: to.height,
            scale: scale(from), seconds: (seconds * 1000).rounded() / 1000,
            seed: command.restoration.seed ?? 0,
            prompt: prompt, color: report.color.rawValue, quality: report.quality, model: name,
            device: policy.device.description,
            precision: policy.precision.rawValue, precisionReason: policy.reason,
            read: report.input, written: report.output, warnings: warnings)))
    } else {
      let time = String(format: "%.1f s", seconds)
      let quality = command.picture.maxBytes.flatMap { _ in report.quality }
      let text =
        "\(streams.named(item.output)): \(from.width)x\(from.height) -> \(to.width)x\(to.height), "
        + (quality.map { "quality \($0), " } ?? "") + time
      if streams.output == nil { try StandardOutput.print(text) } else { note(text) }
    }
    successCount += 1
  }

  /// The scale of a picture's output, to six decimals.
  private func scale(_ picture: (width: Int, height: Int)) throws -> Double {
    let scale = try command.outputSize.scale(width: picture.width, height: picture.height)
    return (scale * 1e6).rounded() / 1e6
  }

  /// The closing line: "38 done, 1 skipped, 1 failed in 3 min 2 s".
  func summarize() {
    let parts =
      ["\(successCount) done"]
      + [(skippedCount, "skipped"), (failureCount, "failed")].filter { $0.0 > 0 }
      .map { "\($0.0) \($0.1)" }
    let time = ProgressLine.duration(Date().timeIntervalSince(start))
    note("\(parts.joined(separator: ", ")) in \(time)")
  }

  private struct Success: Encodable {
    let input, output: String
    let page: Int?
    let inputWidth, inputHeight, width, height: Int
    let scale, seconds: Double
    let seed: UInt64
    let prompt: String?
    let color: String
    let quality: Int?
    let model, device, precision, precisionReason: String
    let read, written: PictureSummary
    let warnings: [String]
  }

  private struct Planned: Encodable {
    let input, output: String
    let page: Int?
    let inputWidth, inputHeight, width, height: Int
    let scale: Double
  }

  private struct Failure: Encodable { let input, error: String }

  private struct Skipped: Encodable { let input, output, skipped: String }

  private func line(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try! encoder.encode(value), as: UTF8.self)
  }
}
