import CVips
import Foundation

/// Reads and edits XMP packets (ISO 16684-1).
enum XmpPacket {
  /// An edit of a property or of a whole namespace.
  enum Change {
    case find, remove
    case set(Int)
    case scale(Double)
  }

  struct Edit {
    /// nil: any namespace.
    let uri: String?
    /// nil: the whole namespace. If the namespace is nil, a part of names, regardless of case.
    let name: String?
    let change: Change

    init(_ uri: String?, _ name: String?, _ change: Change) {
      (self.uri, self.name, self.change) = (uri, name, change)
    }
  }

  enum Namespace {
    static let tiff = "http://ns.adobe.com/tiff/1.0/"
    static let exif = "http://ns.adobe.com/exif/1.0/"
    static let xmp = "http://ns.adobe.com/xap/1.0/"
    static let note = "http://ns.adobe.com/xmp/note/"
    static let panorama = "http://ns.google.com/photos/1.0/panorama/"
    static let camera = "http://ns.google.com/photos/1.0/camera/"
    static let container = "http://ns.google.com/photos/1.0/container/"
    static let gainMap = "http://ns.adobe.com/hdr-gain-map/1.0/"
    static let appleGainMap = "http://ns.apple.com/HDRGainMap/1.0/"
    static let regions = "http://www.metadataworkinggroup.com/schemas/regions/"
    static let dimensions = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
    static let people = "http://ns.microsoft.com/photo/1.2/"
  }

  /// The packet after edits, and the number of matches of each edit.
  ///
  /// Throws `CallFailure` if the packet is not XML.
  static func edited(_ packet: Data, adding other: Data? = nil, _ edits: [Edit]) throws
    -> (packet: Data, found: [Int])
  {
    let strings = edits.map { ($0.uri.flatMap { strdup($0) }, $0.name.flatMap { strdup($0) }) }
    defer {
      for (uri, name) in strings {
        free(uri)
        free(name)
      }
    }
    var native = zip(edits, strings).map { edit, strings in
      var native = cvips_xmp_edit()
      native.uri = UnsafePointer(strings.0)
      native.name = UnsafePointer(strings.1)
      switch edit.change {
      case .find: native.kind = CVIPS_XMP_FIND
      case .remove: native.kind = CVIPS_XMP_REMOVE
      case .set(let value): (native.kind, native.number) = (CVIPS_XMP_SET, Double(value))
      case .scale(let factor): (native.kind, native.number) = (CVIPS_XMP_SCALE, factor)
      }
      return native
    }
    let count = Int32(native.count)
    let packet = try blob { out, text in
      withBlob(packet) { packet in
        withBlob(other) { other in cvips_edit_xmp(packet, other, &native, count, out, &text) }
      }
    }
    return (packet, native.map { Int($0.found) })
  }

  /// A packet merged with its extension; nil if the extension is damaged.
  static func joined(_ packet: [UInt8], _ other: [UInt8]) -> [UInt8]? {
    let edit = Edit(Namespace.note, "HasExtendedXMP", .remove)
    return try? [UInt8](edited(Data(packet), adding: Data(other), [edit]).packet)
  }

  static func claimsGainMap(_ text: String) -> Bool {
    text.contains("hdrgm:Version") || text.contains(#"="GainMap""#)
  }

  static func claimsVideo(_ text: String) -> Bool {
    text.contains(#/:(MotionPhoto|MicroVideo)(\s*=\s*["']|>)1/#)
  }

  /// The position of the gain map in a file whose packet lists the items behind the picture, in
  /// order, up to the end of the file.
  static func gainMapPlace(_ text: String, fileSize: Int) -> [Range<Int>] {
    var items: [(semantic: Substring, length: Int)] = []
    for tag in text.matches(of: #/<[A-Za-z]*:Item\b[^>]*>/#) {
      guard let semantic = tag.0.firstMatch(of: #/:Semantic\s*=\s*["'](\w+)/#)?.1 else { continue }
      func number(_ name: String) -> Int {
        let pattern = name == "Length" ? #/:Length\s*=\s*["'](\d+)/# : #/:Padding\s*=\s*["'](\d+)/#
        return tag.0.firstMatch(of: pattern).flatMap { Int($0.1) } ?? 0
      }
      items.append((semantic, min(number("Length"), 1 << 40) + min(number("Padding"), 1 << 40)))
    }
    guard let index = items.firstIndex(where: { $0.semantic == "GainMap" }), index > 0 else {
      return []
    }
    let start = fileSize - items[index...].map(\.length).reduce(0, +)
    guard start > 0, items[index].length > 0 else { return [] }
    return [start..<start + items[index].length]
  }
}
