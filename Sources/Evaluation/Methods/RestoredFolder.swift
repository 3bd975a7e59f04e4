import Foundation
import Imaging

/// Pictures that were restored elsewhere: for each set a folder of its name with pictures named
/// like the inputs.
public struct RestoredFolder: EvaluationMethod {
  public let name, folder: String

  public init(_ argument: NamedArgument) { (name, folder) = (argument.name, argument.value) }

  public var keepsPictures: Bool { false }

  public func identity(set: String, label: String) throws -> String {
    try FileStamp(file(set, label)).text
  }

  public func restore(_ input: MethodInput) throws -> (image: Image, seconds: Double?) {
    let path = try file(input.set, input.label)
    return (try ImageFile.readRGB(path, width: input.width, height: input.height), nil)
  }

  private func file(_ set: String, _ label: String) throws -> String {
    for suffix in ImageFormat.readableExtensions.sorted() {
      let path = "\(folder)/\(set)/\(label).\(suffix)"
      if FileManager.default.fileExists(atPath: path) { return path }
    }
    throw EvaluationError(
      "\(folder)/\(set)/\(label).png: missing; restore the benchmark's inputs/\(set) into "
        + "\(folder)/\(set)")
  }
}
