import ArgumentParser
import Foundation
import Imaging

/// Which file each input of `nsarm upscale` is written to, and what was wrong with the inputs.
struct UpscalePlan {
  private(set) var items: [BatchPlan.Item] = []
  /// Inputs that cannot be processed.
  private(set) var failures: [(input: String, error: any Error)] = []

  /// - Parameters:
  ///   - paths: files and folders.
  ///   - output: a file where there is one input file, otherwise a folder; nil: beside the inputs.
  ///   - suffix: put after the names beside the inputs.
  /// - Throws: `ImagingError` where two outputs collide, `ValidationError` where `output` does not fit.
  init(_ paths: [String], output: String?, suffix: String, format: ImageFormat?) throws {
    var inputs: [InputFile] = []
    var seen: Set<String> = []
    for path in paths {
      do {
        for file in try InputFiles.expand([path]) {
          // Outputs of an earlier run are no inputs of this one.
          let stem = ((file.path as NSString).lastPathComponent as NSString).deletingPathExtension
          if output == nil, file.path != path, stem.hasSuffix(suffix) { continue }
          let identity = URL(fileURLWithPath: file.path).resolvingSymlinksInPath().path
          if seen.insert(identity).inserted { inputs.append(file) }
        }
      } catch {
        failures.append((path, error))
      }
    }
    guard let output else {
      items = try BatchPlan(
        inputs.map { file in
          let folder = (file.path as NSString).deletingLastPathComponent
          let beside = InputFile(
            path: file.path, relativePath: (file.path as NSString).lastPathComponent)
          return try BatchPlan([beside], folder: folder, suffix: suffix, format: format).items[0]
        }
      ).items
      return
    }
    if let named = ImageFormat(path: output), !Self.isFolder(output) {
      if let format, format != named {
        throw ValidationError("--format \(format.rawValue) does not fit the name \(output)")
      }
      guard paths.count == 1, !Self.isFolder(paths[0]) else {
        throw ValidationError("\(output) is one file, but there are several inputs; give a folder")
      }
      items = try BatchPlan(inputs.map { BatchPlan.Item(input: $0, output: output) }).items
      return
    }
    items = try BatchPlan(inputs, folder: output, format: format).items
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }
}
