import Imaging

/// TIFF files: little-endian, each page an uncompressed strip. Without pages, an EXIF block.
struct TiffPage {
  enum Field {
    case shorts([Int])
    case longs([Int])
    case rational(Int, Int)
    case doubles([Double])
    case text(String)
    case bytes([UInt8])

    var contents: (type: Int, count: Int, bytes: [UInt8]) {
      switch self {
      case .shorts(let values): (3, values.count, values.flatMap(le16))
      case .longs(let values): (4, values.count, values.flatMap(le32))
      case .rational(let above, let below): (5, 1, le32(above) + le32(below))
      case .doubles(let values): (12, values.count, values.flatMap { nativeBytes($0) })
      case .text(let text): (2, text.utf8.count + 1, Array(text.utf8) + [0])
      case .bytes(let bytes): (7, bytes.count, bytes)
      }
    }
  }

  var fields: [Int: Field] = [:]
  var strip: [UInt8] = []

  init(fields: [Int: Field]) { self.fields = fields }

  /// A page of samples; photometric interpretation 0 white is zero, 1 black is zero, 2 RGB, 3 a
  /// palette, 5 CMYK, 8 CIELAB.
  init(
    _ samples: [UInt8], channels: Int, bits: Int = 8, photometric: Int, width: Int = Chart.width,
    height: Int = Chart.height, _ more: [Int: Field] = [:]
  ) {
    strip = samples
    fields = [
      0x100: .longs([width]), 0x101: .longs([height]),
      0x102: .shorts([Int](repeating: bits, count: channels)), 0x103: .shorts([1]),
      0x106: .shorts([photometric]), 0x115: .shorts([channels]), 0x116: .longs([height]),
    ].merging(more) { $1 }
  }

  /// A page with the stored form of a picture.
  init(_ picture: FloatImage, bits: Int = 8, _ more: [Int: Field] = [:]) {
    let hasAlpha = picture.channels % 2 == 0
    self.init(
      picture.samples(bits: bits, littleEndian: true), channels: picture.channels, bits: bits,
      photometric: picture.channels < 3 ? 1 : 2, width: picture.width, height: picture.height,
      (hasAlpha ? [0x152: .shorts([2])] : [:]).merging(more) { $1 })
  }

  var file: [UInt8] { Self.file([self]) }

  static func file(_ pages: [TiffPage]) -> [UInt8] {
    var file = Array("II".utf8) + le16(42) + le32(8)
    for (index, page) in pages.enumerated() {
      var fields = page.fields
      if !page.strip.isEmpty {
        fields[0x111] = .longs([0])
        fields[0x117] = .longs([page.strip.count])
      }
      let data = file.count + 2 + 12 * fields.count + 4
      if !page.strip.isEmpty { fields[0x111] = .longs([data]) }
      var behind = page.strip + (page.strip.count % 2 == 1 ? [0] : [])
      file += le16(fields.count)
      for (tag, field) in fields.sorted(by: { $0.key < $1.key }) {
        let (type, count, bytes) = field.contents
        file += le16(tag) + le16(type) + le32(count)
        if bytes.count <= 4 {
          file += bytes + [UInt8](repeating: 0, count: 4 - bytes.count)
        } else {
          file += le32(data + behind.count)
          behind += bytes + (bytes.count % 2 == 1 ? [0] : [])
        }
      }
      file += le32(index + 1 < pages.count ? data + behind.count : 0) + behind
    }
    return file
  }
}
