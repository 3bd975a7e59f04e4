import Files
import Foundation
import Imaging

/// Which file each input is written to.
public struct BatchPlan: Sendable {
  public struct Item: Sendable, Equatable {
    public let input: PictureFiles.File
    /// The page of the input, from 0; nil where it has one only, or the first is taken.
    public let page: Int?
    public let output: String

    public init(input: PictureFiles.File, page: Int? = nil, output: String) {
      self.input = input
      self.page = page
      self.output = output
    }

    /// Creates the output's folder. Throws `FileError.unwritable`.
    public func createFolder() throws { try Files.createFolder(parentFolder(of: output)) }
  }

  /// An input that cannot be processed.
  public struct Failure: Sendable {
    public let input: String
    public let error: any Error

    public init(input: String, error: any Error) {
      self.input = input
      self.error = error
    }
  }

  /// Where outputs go.
  public enum Target: Sendable, Equatable {
    /// Into the inputs' folders, with `suffix` after the names: "photo" + "_x4".
    case beside(suffix: String)
    /// Below a folder, in the same sub-folders as the inputs below theirs.
    case folder(String)
    /// To one file.
    case file(String)
  }

  /// What can be processed, in the inputs' order.
  public let items: [Item]
  /// Inputs that would write one file (a.jpg and a.png to a.png), or whose output would replace an
  /// input; the others do not suffer from them.
  public let failures: [Failure]

  /// - Parameters:
  ///   - inputs: the pictures, such as `BatchInputs` finds them.
  ///   - target: where outputs go.
  ///   - format: of all outputs; nil keeps each input's where it can be written, else PNG.
  ///   - pageCount: how many pages of a file are to be written, each to a file of its own
  ///     (photo_p001.png); files that cannot be read have one.
  public init(
    _ inputs: [PictureFiles.File], to target: Target, format: ImageFormat? = nil,
    pageCount: (String) -> Int = { _ in 1 }
  ) {
    self.init(
      inputs.flatMap { input -> [Item] in
        let count = pageCount(input.path)
        guard count > 1 else {
          return [Item(input: input, output: Self.output(input, target, format, page: ""))]
        }
        let digits = max(3, "\(count)".count)
        return (0..<count).map { page in
          let number = "\(page + 1)"
          let suffix = "_p" + String(repeating: "0", count: digits - number.count) + number
          return Item(
            input: input, page: page, output: Self.output(input, target, format, page: suffix))
        }
      })
  }

  /// Checks outputs that the caller has chosen.
  public init(_ candidates: [Item]) {
    let inputs = Set(candidates.map { PathIdentity($0.input.path) })
    let groups = Dictionary(grouping: candidates) { PathIdentity($0.output) }
    var items: [Item] = []
    var failures: [Failure] = []
    for item in candidates {
      let output = PathIdentity(item.output)
      let rivals = groups[output]!.map(\.input.path)
      var error: BatchError?
      if output == PathIdentity(item.input.path) {
        error = .replacesInput(item.input.path, input: item.input.path)
      } else if rivals.count > 1 {
        error = .sharedOutput(item.output, inputs: rivals)
      } else if inputs.contains(output) {
        error = .replacesInput(item.output, input: item.input.path)
      }
      if let error {
        failures.append(Failure(input: item.input.path, error: error))
      } else {
        items.append(item)
      }
    }
    (self.items, self.failures) = (items, failures)
  }

  private static func output(
    _ input: PictureFiles.File, _ target: Target, _ format: ImageFormat?, page: String
  ) -> String {
    let own = ImageFormat(path: input.path)
    let format = format ?? own ?? .png
    let original = (input.path as NSString).pathExtension
    let suffix = own == format ? original : format.fileExtensions[0]
    switch target {
    case .beside(let mark):
      return "\((input.path as NSString).deletingPathExtension)\(mark)\(page).\(suffix)"
    case .folder(let folder):
      let stem = (input.relativePath as NSString).deletingPathExtension
      return (folder as NSString).appendingPathComponent("\(stem)\(page).\(suffix)")
    case .file(let path):
      guard !page.isEmpty else { return path }
      let suffix = (path as NSString).pathExtension
      return "\((path as NSString).deletingPathExtension)\(page).\(suffix)"
    }
  }

  /// "a" for "a_x4", "a_1920w" and "a_x4_p002", what `OutputSize.mark` and pages make of it; nil
  /// for other names.
  static func original(of stem: String) -> String? {
    let mark = #/^(.*[^/])_(x\d(\.\d+)?|\d+[whl]|\d[\d.e-]*mp)(_p\d{3,})?$/#
    return stem.firstMatch(of: mark.dotMatchesNewlines()).map { String($0.1) }
  }
}
