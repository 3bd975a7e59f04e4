import Imaging
import TestSupport

/// Data in a file besides its colours, which an output keeps or a warning reports as lost.
struct Datum: Sendable {
  /// The name in the table.
  let name: String
  /// Words of the warning.
  let words: String
  let isKept: @Sendable (ImageReader) -> Bool

  init(_ name: String, said words: String, isKept: @escaping @Sendable (ImageReader) -> Bool) {
    (self.name, self.words, self.isKept) = (name, words, isKept)
  }

  /// Data that no output keeps.
  init(_ name: String, said words: String) {
    self.init(name, said: words) { _ in false }
  }

  static let exif = Datum("EXIF", said: "EXIF") { reader in
    guard var block = reader.metadata.exif.map({ [UInt8]($0) }) else { return false }
    if block.starts(with: Array("Exif".utf8)) { block.removeFirst(6) }
    let exif = ExifFile(block)
    return exif.text("0/13b") == "Jane" && [nil, [1]].contains(exif.numbers("0/112"))
  }

  static let xmp = Datum("XMP", said: "XMP") { reader in
    reader.metadata.xmp.map { String(decoding: $0, as: UTF8.self) }?
      .contains(#"dc:source="beehive""#) == true
  }

  static let iptc = Datum("IPTC", said: "IPTC") {
    $0.metadata.iptc.map { [UInt8]($0) } == Sample.iptc
  }

  static func text(_ text: String, keyword: String = PictureText.comment) -> Datum {
    Datum(keyword == PictureText.comment ? "comment" : "texts", said: keyword.debugDescription) {
      $0.metadata.texts.contains(PictureText(keyword: keyword, text: text))
    }
  }

  /// Pixels per inch.
  static func density(_ horizontal: Double, _ vertical: Double) -> Datum {
    Datum("density", said: "density") { reader in
      guard let density = reader.metadata.density, !density.isRatio else { return false }
      return abs(density.horizontal - horizontal) < 0.1 && abs(density.vertical - vertical) < 0.1
    }
  }

  /// Non-square pixels, higher than wide.
  static let ratio = Datum("pixel ratio", said: "density") { reader in
    guard let density = reader.metadata.density, density.isRatio else { return false }
    return abs(density.horizontal / density.vertical - 2) < 0.01
  }

  static func frames(_ count: Int) -> Datum {
    Datum("further frames", said: "of its \(count) pages is read") { $0.pageCount == count }
  }

  /// Values beyond white.
  static let highlights = Datum("PQ", said: "has no place for") {
    $0.metadata.codePoints?.transfer == 16
  }

  static let gainMap = Datum("gain map", said: "gain map") { $0.metadata.gainMap != nil }
  static let place = Datum("GeoTIFF", said: "its geographic position")
  static let credentials = Datum("C2PA", said: "content credentials")
  static let converted = Datum("converted to sRGB", said: "its colours are converted to sRGB")
  static let float = Datum("as 16 bit", said: "its float samples are converted to 16 bit")
}

/// The data in the inputs.
enum Sample {
  static let xmpText = packet(
    "xmlns:dc=\"http://purl.org/dc/elements/1.1/\"", "dc:source=\"beehive\"")
  static let xmp = Array(xmpText.utf8)
  /// The keyword "bee".
  static let iptc: [UInt8] = [0x1c, 2, 25, 0, 3] + Array("bee".utf8)

  static func packet(_ namespaces: String, _ attributes: String, _ contents: String = "") -> String
  {
    """
    <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF \
    xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description \(namespaces) \
    \(attributes)>\(contents)</rdf:Description></rdf:RDF></x:xmpmeta>
    """
  }

  /// The artist, and the orientation and the pixels per inch if they are given.
  static func exif(_ orientation: Int? = nil, density: [Int]? = nil) -> [UInt8] {
    var fields: [Int: TiffPage.Field] = [0x13b: .text("Jane")]
    if let orientation { fields[0x112] = .shorts([orientation]) }
    if let density {
      fields[0x11a] = .rational(density[0], 1)
      fields[0x11b] = .rational(density[1], 1)
      fields[0x128] = .shorts([2])
    }
    return TiffPage(fields: fields).file
  }
}
