import Foundation

/// TIFF files of kinds that the library does not write: uncompressed, one strip, little-endian.
struct TiffFile {
  struct Page {
    var width, height, channels: Int
    /// TIFF's SampleFormat: 1 unsigned, 2 signed, 3 float.
    var sampleFormat = 1
    var bitsPerSample = 8
    /// 1 black is zero, 2 RGB.
    var photometric: Int { channels < 3 ? 1 : 2 }
    var samples: [UInt8]

    /// A page of one colour, 8 bit.
    init(width: Int, height: Int, color: [UInt8]) {
      (self.width, self.height, channels) = (width, height, color.count)
      samples = (0..<width * height).flatMap { _ in color }
    }

    /// A page of float samples.
    init(width: Int, height: Int, channels: Int, floats: [Float]) {
      (self.width, self.height, self.channels) = (width, height, channels)
      (sampleFormat, bitsPerSample) = (3, 32)
      samples = floats.flatMap { le32($0.bitPattern) }
    }
  }

  var pages: [Page]

  var bytes: [UInt8] {
    var file = Array("II".utf8) + le16(42) + le32(8)
    for (index, page) in pages.enumerated() {
      // Every value that is an array is stored after the directory.
      let count = 10
      let behind = file.count + 2 + 12 * count + 4
      let bits = (0..<page.channels).flatMap { _ in le16(UInt16(page.bitsPerSample)) }
      let formats = (0..<page.channels).flatMap { _ in le16(UInt16(page.sampleFormat)) }
      let data = behind + bits.count + formats.count
      let end = data + page.samples.count
      func short(_ tag: UInt16, _ value: Int) -> [UInt8] {
        le16(tag) + le16(3) + le32(1) + le16(UInt16(value)) + [0, 0]
      }
      func long(_ tag: UInt16, _ value: Int) -> [UInt8] {
        le16(tag) + le16(4) + le32(1) + le32(UInt32(value))
      }
      func shorts(_ tag: UInt16, _ values: [UInt8], at place: Int) -> [UInt8] {
        let inline = values.count <= 4
        return le16(tag) + le16(3) + le32(UInt32(values.count / 2))
          + (inline
            ? values + [UInt8](repeating: 0, count: 4 - values.count)
            : le32(UInt32(place)))
      }
      file += le16(UInt16(count)) + long(256, page.width) + long(257, page.height)
      file += shorts(258, bits, at: behind) + short(259, 1) + short(262, page.photometric)
      file += long(273, data) + short(277, page.channels) + long(278, page.height)
      file += long(279, page.samples.count) + shorts(339, formats, at: behind + bits.count)
      file += le32(index + 1 < pages.count ? UInt32(end) : 0)
      file += bits + formats + page.samples
    }
    return file
  }
}

func le16(_ v: UInt16) -> [UInt8] { [UInt8(v & 255), UInt8(v >> 8)] }
func le32(_ v: UInt32) -> [UInt8] { le16(UInt16(v & 0xffff)) + le16(UInt16(v >> 16)) }
