import Files
import Foundation

/// Captions of pictures in the layout of NSARM's and Infinity's published files: a JSON object per
/// line with the strings `image_path` and `long_caption`; other keys are ignored.
///
/// A picture is found by its path (`image_path` may be relative to the file's folder), or by its
/// name and as many of its parent folders as distinguish pictures of the same name.
public struct CaptionFile: Sendable {
  public let path: String
  private var captions: [String] = []
  private var folders: [[Substring]] = []
  private var byPath: [String: Int] = [:]
  private var byName: [Substring: [Int]] = [:]

  /// The number of captions; of several lines with the same path, the last one counts.
  public var count: Int { byPath.count }

  /// - Throws: `PromptError` that names the file and the invalid line.
  public init(_ path: String) throws {
    self.path = path
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    else {
      throw PromptError("\(path): no such file of captions, or it cannot be read")
    }
    let folder = parentFolder(of: path)
    let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
      do {
        let entry = try JSONDecoder().decode(Entry.self, from: line)
        add(entry, under: folder)
      } catch {
        throw PromptError("\(path):\(index + 1): \(Self.problem(error))")
      }
    }
    guard !captions.isEmpty else {
      throw PromptError("\(path): holds no captions; \(Self.layout) is expected on every line")
    }
  }

  /// The caption of a picture; nil where there is none, or where several captions match its name
  /// and none matches its path.
  public func callAsFunction(_ picture: String) -> String? {
    let path = Self.absolute(picture, under: "")
    if let index = byPath[path] { return captions[index] }
    let components = path.split(separator: "/")
    guard let name = components.last, let candidates = byName[name] else { return nil }
    let own = components.dropLast().reversed()
    func agreement(_ index: Int) -> Int {
      zip(folders[index].reversed(), own).prefix { $0 == $1 }.count
    }
    let most = candidates.map(agreement).max() ?? 0
    let texts = Set(candidates.filter { agreement($0) == most }.map { captions[$0] })
    return texts.count == 1 ? texts.first : nil
  }

  private struct Entry: Decodable {
    let image_path, long_caption: String
  }

  private static let layout = #"{"image_path": "...", "long_caption": "..."}"#

  private mutating func add(_ entry: Entry, under folder: String) {
    let path = Self.absolute(entry.image_path, under: folder)
    if let earlier = byPath[path] {
      captions[earlier] = entry.long_caption
      return
    }
    let components = path.split(separator: "/")
    byPath[path] = captions.count
    if let name = components.last { byName[name, default: []].append(captions.count) }
    captions.append(entry.long_caption)
    folders.append(components.dropLast())
  }

  /// An absolute path without "." and "..".
  private static func absolute(_ path: String, under folder: String) -> String {
    let whole = path.hasPrefix("/") || folder.isEmpty ? path : folder + "/" + path
    return URL(fileURLWithPath: whole).standardized.path
  }

  private static func problem(_ error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _):
      "'\(key.stringValue)' is missing; expected: \(layout)"
    case DecodingError.typeMismatch(_, let context) where context.codingPath.isEmpty:
      "is not a JSON object; expected: \(layout)"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      "'\(context.codingPath[0].stringValue)' is not a string; expected: \(layout)"
    default: "is not valid JSON; expected: \(layout)"
    }
  }
}
