import Files
import Foundation
import Imaging

/// The output file of every input.
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

  /// The place of the outputs.
  public enum Target: Sendable, Equatable {
    /// Into the inputs' folders, with `suffix` after the names: "photo" + "_x4".
    case beside(suffix: String)
    /// Below a folder, in the same sub-folders as the inputs below theirs.
    case folder(String)
    /// To one file.
    case file(String)
  }

  /// The inputs that can be processed, in their order.
  public let items: [Item]
  /// Inputs that would write one file (a.jpg and a.png to a.png), whose output would replace an
  /// input, or that cannot be named; the others do not suffer from them.
  public let failures: [Failure]

  /// - Parameters:
  ///   - inputs: the pictures, such as `BatchInputs` finds them.
  ///   - target: where outputs go.
  ///   - template: what outputs are called; a file that is the target has its name already.
  ///   - format: of all outputs; nil keeps each input's where it can be written, else PNG.
  ///   - pageCount: how many pages of a file are to be written, each to a file of its own
  ///     (photo_p001.png, unless the template has a place for the page); files that cannot be read
  ///     have one.
  ///   - details: what the template may tell of an input or of a page of it; an error makes it a
  ///     failure. It is asked where the template has placeholders for it.
  public init(
    _ inputs: [PictureFiles.File], to target: Target, named template: NameTemplate = .name,
    format: ImageFormat? = nil, pageCount: (String) -> Int = { _ in 1 },
    details: (_ path: String, _ page: Int?) throws -> NameTemplate.Details = { _, _ in .init() }
  ) {
    let used = template.placeholders
    let needsDetails = !used.isDisjoint(with: [.scale, .model, .width, .height])
    var candidates: [Item] = []
    var failures: [Failure] = []
    for (index, input) in inputs.enumerated() {
      let count = max(1, pageCount(input.path))
      for page in 0..<count {
        let page = count > 1 ? page : nil
        let number = Self.number((page ?? 0) + 1, digits: max(3, "\(count)".count))
        do {
          let details = needsDetails ? try details(input.path, page) : .init()
          let (_, stem) = Self.split((input.path as NSString).deletingPathExtension)
          let name = template.text(
            name: stem, page: number,
            index: Self.number(index + 1, digits: "\(inputs.count)".count), details)
          let pageMark = page == nil || used.contains(.page) ? "" : "_p\(number)"
          let output = Self.output(input, target, format, named: name, page: pageMark)
          candidates.append(Item(input: input, page: page, output: output))
        } catch {
          failures.append(Failure(input: input.path, error: error))
        }
      }
    }
    let checked = BatchPlan(candidates)
    (items, self.failures) = (checked.items, failures + checked.failures)
  }

  private static func number(_ number: Int, digits: Int) -> String {
    String(repeating: "0", count: max(0, digits - "\(number)".count)) + "\(number)"
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
    _ input: PictureFiles.File, _ target: Target, _ format: ImageFormat?, named name: String,
    page: String
  ) -> String {
    let own = ImageFormat(path: input.path)
    let format = format ?? own ?? .png
    let original = (input.path as NSString).pathExtension
    let suffix = own == format ? original : format.fileExtensions[0]
    switch target {
    case .beside(let mark):
      return split(input.path).folder + "\(name)\(mark)\(page).\(suffix)"
    case .folder(let folder):
      let path = split(input.relativePath).folder + "\(name)\(page).\(suffix)"
      return (folder as NSString).appendingPathComponent(path)
    case .file(let path):
      guard !page.isEmpty else { return path }
      let suffix = (path as NSString).pathExtension
      return "\((path as NSString).deletingPathExtension)\(page).\(suffix)"
    }
  }

  /// "in/" and "a.jpg" for "in/a.jpg".
  static func split(_ path: String) -> (folder: String, name: String) {
    let start = path.utf8.lastIndex(of: UInt8(ascii: "/")).map(path.utf8.index(after:))
    let place = start ?? path.startIndex
    return (String(path[..<place]), String(path[place...]))
  }

  /// "a" for "a_x4", "a_1920w" and "a_x4_p002", what `OutputSize.mark` and pages make of it; nil
  /// for other names.
  static func original(of stem: String) -> String? {
    let mark = #/^(.*[^/])_(x\d(\.\d+)?|\d+[whl]|\d[\d.e-]*mp)(_p\d{3,})?$/#
    return stem.firstMatch(of: mark.dotMatchesNewlines()).map { String($0.1) }
  }
}
