import Files
import Foundation
import Imaging

/// The pictures that a list of files and folders names.
public struct BatchInputs: Sendable {
  /// Every file once, in the order of the paths; the files of a folder sorted.
  public private(set) var files: [PictureFiles.File] = []
  public private(set) var failures: [BatchPlan.Failure] = []
  /// The number of files in the folders that are no pictures.
  public private(set) var otherCount = 0
  /// The number of pictures that were left out as outputs of an earlier run.
  public private(set) var earlierOutputCount = 0

  /// Files are taken as they are named, folders are searched as `PictureFiles` does.
  ///
  /// - Parameters:
  ///   - paths: of files and folders.
  ///   - excluding: folders that are not searched.
  ///   - leavesOutOutputs: leaves out "a_x4.jpg" and "a_x4_p002.png" where a folder has "a" too:
  ///     what a run that puts its outputs beside the inputs has made.
  ///   - template: what a run calls its outputs: what it makes of an input is left out likewise.
  ///   - list: gives the names in a folder.
  public init(
    _ paths: [String], excluding: [String] = [], leavesOutOutputs: Bool = false,
    named template: NameTemplate = .name,
    list: PictureFiles.Listing = PictureFiles.names
  ) {
    var seen: Set<PathIdentity> = []
    for path in paths {
      guard FileManager.default.fileExists(atPath: path) else {
        fail(path, ImagingError.missing(path: path))
        continue
      }
      guard isFolder(path) else {
        let name = (path as NSString).lastPathComponent
        if seen.insert(PathIdentity(path)).inserted {
          files.append(PictureFiles.File(path: path, relativePath: name))
        }
        continue
      }
      let found = PictureFiles(in: path, excluding: excluding, list: list)
      otherCount += found.otherCount
      for problem in found.problems { fail(problem.path, problem.error) }
      var pictures = found.files
      if leavesOutOutputs {
        let stems = Set(pictures.map { Self.stem($0.path) })
        pictures.removeAll {
          let stem = Self.stem($0.path)
          if BatchPlan.original(of: stem).map(stems.contains) ?? false { return true }
          let (folder, name) = BatchPlan.split(stem)
          return template.canMake(name) { stems.contains(folder + $0) }
        }
        earlierOutputCount += found.files.count - pictures.count
      }
      if found.files.isEmpty, found.problems.isEmpty {
        fail(path, BatchError.noPictures(folder: path, otherCount: found.otherCount))
      }
      for file in pictures where seen.insert(PathIdentity(file.path)).inserted {
        files.append(file)
      }
    }
  }

  private mutating func fail(_ input: String, _ error: any Error) {
    failures.append(BatchPlan.Failure(input: input, error: error))
  }

  private static func stem(_ path: String) -> String { (path as NSString).deletingPathExtension }
}

/// Why inputs cannot be processed together, in one line with the remedy.
public enum BatchError: LocalizedError, CustomStringConvertible, Equatable, Sendable {
  case noPictures(folder: String, otherCount: Int)
  case sharedOutput(String, inputs: [String])
  case replacesInput(String, input: String)

  public var description: String {
    switch self {
    case .noPictures(let folder, let otherCount):
      "\(folder): no pictures found"
        + (otherCount == 0 ? "" : " among \(otherCount) \(otherCount == 1 ? "file" : "files")")
    case .sharedOutput(let output, let inputs):
      "\(Self.listed(inputs)): would be written to one file, \(output);"
        + " rename one of them or process them separately"
    case .replacesInput(let output, let input) where output == input:
      "\(input): the output would replace the input; choose another name or folder"
    case .replacesInput(let output, let input):
      "\(input): its output \(output) would replace an input; choose another name or folder"
    }
  }

  private static func listed(_ inputs: [String]) -> String {
    let (shown, rest) = (inputs.prefix(3), inputs.count - 3)
    return rest < 2
      ? inputs.joined(separator: " and ")
      : "\(shown.joined(separator: ", ")) and \(rest) others"
  }

  public var errorDescription: String? { description }
}
