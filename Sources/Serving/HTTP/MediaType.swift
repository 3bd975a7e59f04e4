import Foundation

/// The media type of a picture by its first bytes, since file names may be wrong.
enum MediaType {
  private static let marks: [(bytes: [UInt8?], type: String)] = [
    ([0xff, 0xd8, 0xff], "image/jpeg"),
    ([0x89, 0x50, 0x4e, 0x47], "image/png"),
    (ascii("GIF8"), "image/gif"),
    (ascii("RIFF") + [nil, nil, nil, nil] + ascii("WEBP"), "image/webp"),
    ([0x49, 0x49, 0x2a, 0], "image/tiff"), ([0x4d, 0x4d, 0, 0x2a], "image/tiff"),
    ([0x49, 0x49, 0x2b, 0], "image/tiff"), ([0x4d, 0x4d, 0, 0x2b], "image/tiff"),
    ([nil, nil, nil, nil] + ascii("ftypavif"), "image/avif"),
    ([nil, nil, nil, nil] + ascii("ftyphei"), "image/heic"),
    ([nil, nil, nil, nil] + ascii("ftypmif1"), "image/heif"),
    ([0xff, 0x0a], "image/jxl"), ([0, 0, 0, 0x0c] + ascii("JXL "), "image/jxl"),
    (ascii("BM"), "image/bmp"),
    ([0, 0, 0, 0x0c] + ascii("jP  "), "image/jp2"),
  ]

  private static func ascii(_ text: String) -> [UInt8?] { Array(text.utf8) }

  static func sniffed(_ start: Data) -> String {
    marks.first { mark in
      start.count >= mark.bytes.count
        && zip(start, mark.bytes).allSatisfy { $1 == nil || $0 == $1 }
    }?.type ?? "application/octet-stream"
  }
}
