import ArgumentParser
import Files
import Foundation
import Imaging
import Upscaling

/// The work of `nsarm upscale`: the output of every input, and the inputs that cannot be used.
struct UpscalePlan {
  private(set) var items: [BatchPlan.Item]
  private(set) var failures: [BatchPlan.Failure]
  /// Lines on files of the folders that were left out.
  private(set) var notes: [String] = []

  /// - Parameter model: gives the model's name, for outputs that are called after it.
  /// - Throws: `ValidationError` where the output does not fit the inputs, `ImagingError` where it
  ///   is of a format that cannot be written.
  init(_ command: UpscaleCommand, _ streams: StandardStreams, model: () throws -> String) throws {
    let target = try Self.target(command, streams)
    let paths = try command.inputs.map {
      StandardStreams.isStream($0) ? try streams.readInput() : $0
    }
    let template = command.naming.template
    var folders: [String] = []
    var isBeside = false
    switch target {
    // The folder itself may be the one for the outputs, a folder below it is not searched.
    case .folder(let folder):
      folders = [folder]
      isBeside =
        template != nil && paths.contains { PathIdentity($0) == PathIdentity(folder) }
    case .beside: isBeside = true
    case .file:
      if template != nil {
        notes.append(
          "-o names the output; \(command.naming.name == nil ? "--suffix" : "--name") is left out")
      }
    }
    let inputs = BatchInputs(
      paths, excluding: folders, leavesOutOutputs: isBeside, named: template ?? .name)
    let model = template?.placeholders.contains(.model) == true ? try model() : ""
    let plan = BatchPlan(
      inputs.files, to: target, named: template ?? .name, format: command.form.format,
      pageCount: { path in
        command.pages ? (try? ImageFile.open(path, options: command.reading).pageCount) ?? 1 : 1
      },
      details: { try Self.details($0, page: $1, model: model, command) })
    items = plan.items
    failures = inputs.failures + plan.failures
    leaveOutUnlimited(command.picture.encoding)
    if inputs.otherCount > 0 {
      notes.append(
        "\(counted(inputs.otherCount, "file")) \(inputs.otherCount == 1 ? "is no picture" : "are no pictures")"
      )
    }
    if inputs.earlierOutputCount > 0 {
      notes.append(
        "\(counted(inputs.earlierOutputCount, "output")) of an earlier run left out")
    }
  }

  /// The values of placeholders in the name of a picture's output.
  private static func details(
    _ path: String, page: Int?, model: String, _ command: UpscaleCommand
  ) throws -> NameTemplate.Details {
    var reading = command.reading
    reading.page = page
    let picture = try ImageFile.open(path, options: reading)
    let (width, height) = (picture.width, picture.height)
    let size = try command.outputSize.size(width: width, height: height, path: path)
    return NameTemplate.Details(
      scale: try command.outputSize.scale(width: width, height: height), model: model,
      width: size.width, height: size.height)
  }

  /// Makes failures of the items whose files cannot be made as small as `encoding` says.
  private mutating func leaveOutUnlimited(_ encoding: EncodingOptions) {
    var kept: [BatchPlan.Item] = []
    for item in items {
      do {
        if let format = ImageFormat(path: item.output) {
          try encoding.check(format, path: item.output)
        }
        kept.append(item)
      } catch {
        failures.append(BatchPlan.Failure(input: item.input.path, error: error))
      }
    }
    items = kept
  }

  private static func target(_ command: UpscaleCommand, _ streams: StandardStreams) throws
    -> BatchPlan.Target
  {
    guard let output = command.output else {
      if command.inputs.contains(where: StandardStreams.isStream) {
        throw ValidationError(
          "'-' has no folder; name the output with -o, '-o -' for standard output")
      }
      return .beside(suffix: command.naming.template == nil ? command.outputSize.mark : "")
    }
    if StandardStreams.isStream(output) {
      try requireOneInput(command.inputs, "standard output is one file")
      guard let format = command.form.format ?? ImageFormat(path: command.inputs[0]) else {
        throw ValidationError(
          "'-o -' needs --format, since the input's name has no known extension")
      }
      return .file(try streams.makeOutput(fileExtension: format.fileExtensions[0]))
    }
    let target = try BatchPlan.Target(output, inputs: command.inputs, format: command.form.format)
    if case .folder = target, command.inputs.contains(where: StandardStreams.isStream) {
      throw ValidationError("'-' has no name; -o has to be a file such as \(output)/photo.png")
    }
    return target
  }
}
