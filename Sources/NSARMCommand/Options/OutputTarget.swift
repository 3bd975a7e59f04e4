import ArgumentParser
import Files
import Imaging
import Upscaling

extension BatchPlan.Target {
  /// The place that -o names: a file if the name has the extension of a picture and is no folder's.
  ///
  /// - Parameters:
  ///   - output: the name.
  ///   - inputs: the names of the inputs.
  ///   - format: the format that --format names.
  /// - Throws: `ValidationError` for a file that does not fit the inputs or the format,
  ///   `ImagingError` where its format cannot be written.
  init(_ output: String, inputs: [String], format: ImageFormat?) throws {
    guard !output.hasSuffix("/"), !isFolder(output),
      let named = try ImageFormat.output(path: output)
    else {
      self = .folder(output)
      return
    }
    if let format, format != named {
      throw ValidationError("--format \(format.rawValue) does not fit the name \(output)")
    }
    try requireOneInput(inputs, "\(output) is one file")
    self = .file(output)
  }
}

/// - Throws: `ValidationError` with the reason where there may be several inputs.
func requireOneInput(_ inputs: [String], _ reason: String) throws {
  guard inputs.count == 1, !isFolder(inputs[0]) else {
    throw ValidationError("\(reason), but there are several inputs; give a folder")
  }
}
