import Files
import Foundation

/// Captions of pictures in the layout in which NSARM's and Infinity's are published: a JSON object
/// per line with the texts `image_path` and `long_caption`; other keys are ignored.
///
/// A picture is found by its path, of which `image_path` may be relative to the file's folder, or
/// by its name and as many of the folders above it as tell pictures of one name apart.
public struct CaptionFile: Sendable {
  public let path: String
  private var captions: [String] = []
  private var folders: [[Substring]] = []
  private var byPath: [String: Int] = [:]
  private var byName: [Substring: [Int]] = [:]

  /// The number of captions; of lines about the same path the last counts.
  public var count: Int { byPath.count }

  /// - Throws: `PromptError` naming the file, and the line that is wrong.
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

  /// The caption of a picture; nil where there is none, or where several pictures have its name and
  /// none of them its path.
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

  /// A path without "." and "..", from the root.
  private static func absolute(_ path: String, under folder: String) -> String {
    let whole = path.hasPrefix("/") || folder.isEmpty ? path : folder + "/" + path
    return URL(fileURLWithPath: whole).standardized.path
  }

  private static func problem(_ error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _):
      "'\(key.stringValue)' is missing; expected: \(layout)"
    case DecodingError.typeMismatch(_, let context) where context.codingPath.isEmpty:
      "is no JSON object; expected: \(layout)"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      "'\(context.codingPath[0].stringValue)' is no text; expected: \(layout)"
    default: "is no valid JSON; expected: \(layout)"
    }
  }
}
