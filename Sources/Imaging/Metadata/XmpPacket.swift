import Foundation

/// Changes to the text of an XMP packet.
enum XmpPacket {
  /// The packet with what it says of the picture made true: upright, of this size, without a
  /// thumbnail. A packet that is not UTF-8 stays as it is.
  static func describing(_ packet: Data, width: Int, height: Int) -> Data {
    guard var text = String(data: packet, encoding: .utf8) else { return packet }
    let values = [
      "tiff:Orientation": 1, "tiff:ImageWidth": width, "tiff:ImageLength": height,
      "exif:PixelXDimension": width, "exif:PixelYDimension": height,
    ]
    for (name, value) in values where text.contains(name) {
      // As an attribute and as an element.
      text = text.replacing("(\\s\(name)\\s*=\\s*)(\"[^\"<]*\"|'[^'<]*')", by: "$1\"\(value)\"")
      text = text.replacing("(<\(name)\\s*>)[^<]*(</\(name)\\s*>)", by: "$1\(value)$2")
    }
    for name in ["xmp:Thumbnails", "xap:Thumbnails"] {
      while let start = text.range(of: "<\(name)>"),
        let end = text.range(of: "</\(name)>", range: start.upperBound..<text.endIndex)
      {
        text.removeSubrange(start.lowerBound..<end.upperBound)
      }
    }
    return Data(text.utf8)
  }
}

extension String {
  /// - Parameter template: with $1, $2 for the pattern's groups.
  fileprivate func replacing(_ pattern: String, by template: String) -> String {
    replacingOccurrences(of: pattern, with: template, options: .regularExpression)
  }
}
