import Foundation
import Imaging
import TestSupport
import Testing

/// BMP files, made here.
@Suite struct BmpTests {
  private func read(_ file: [UInt8]) throws -> Image {
    let folder = try ScratchFolder()
    return try ImageFile.read(folder.write("a.bmp", file))
  }

  @Test func coloursOfThreeBytesFromBelowAndAbove() throws {
    let below: [[UInt8]] = [[7, 8, 9, 10, 11, 12, 1, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]]
    let picture = try read(bmpFile(3, 2, bits: 24, rows: below))
    #expect((picture.width, picture.height, picture.channels) == (3, 2, 3))
    let expected: [UInt8] = [3, 2, 1, 6, 5, 4, 9, 8, 7, 9, 8, 7, 12, 11, 10, 3, 2, 1]
    #expect(picture.bytes == expected)
    #expect(picture.metadata.density == PixelDensity(horizontal: 300, vertical: 300))
    #expect(try read(bmpFile(3, -2, bits: 24, rows: below.reversed())).bytes == expected)
  }

  @Test func palettes() throws {
    let colours: [[UInt8]] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [1, 2, 3]]
    let indices = [0, 1, 2, 3, 0, 1, 2, 3, 3]
    let expected = indices.flatMap { colours[$0] }
    let eight = try read(
      bmpFile(9, 1, bits: 8, palette: colours, rows: [indices.map { UInt8($0) }]))
    #expect(eight.bytes == expected)
    let four = try read(
      bmpFile(9, 1, bits: 4, palette: colours, rows: [[0x01, 0x23, 0x01, 0x23, 0x30]]))
    #expect(four.bytes == expected)
    let one = try read(
      bmpFile(9, 1, bits: 1, palette: [[0, 0, 0], [255, 255, 255]], rows: [[0b1010_0000, 0x80]]))
    #expect(one.channels == 1 && one.bytes == [255, 0, 255, 0, 0, 0, 0, 0, 255])
    // An index without a palette entry is black.
    let beyond = try read(bmpFile(1, 1, bits: 8, palette: [[9, 8, 7]], rows: [[200]]))
    #expect(beyond.bytes == [0, 0, 0])
    // A rectangle that begins within a byte.
    let folder = try ScratchFolder()
    let path = try folder.write(
      "part.bmp", bmpFile(9, 1, bits: 4, palette: colours, rows: [[0x01, 0x23, 0x01, 0x23, 0x30]]))
    let part = try ImageFile.open(path).region(PixelRect(x: 3, y: 0, width: 2, height: 1))
    #expect(part.bytes == [1, 2, 3, 255, 0, 0])
  }

  @Test func masks() throws {
    // 5 bits each, then 5, 6 and 5.
    #expect(try read(bmpFile(1, 1, bits: 16, rows: [le16(0x7c1f)])).bytes == [255, 0, 255])
    let green = bmpFile(
      1, 1, bits: 16, compression: 3, masks: [0xf800, 0x7e0, 0x1f], rows: [le16(0x400)])
    #expect(try read(green).bytes == [0, 130, 0])
    // The fourth byte is alpha only if there is a mask for it.
    #expect(try read(bmpFile(1, 1, bits: 32, rows: [[1, 2, 3, 4]])).bytes == [3, 2, 1])
    let alpha = bmpFile(
      1, 1, bits: 32, compression: 6, masks: [0xff, 0xff00, 0xff_0000, 0xff00_0000],
      rows: [[1, 2, 3, 4]])
    #expect(try read(alpha).bytes == [1, 2, 3, 4])
    // A channel without a mask is black.
    let none = bmpFile(1, 1, bits: 32, compression: 3, masks: [0, 0, 0xff], rows: [[1, 2, 3, 4]])
    #expect(try read(none).bytes == [0, 0, 1])
  }

  @Test func whatIsNotReadIsSaid() throws {
    func message(_ file: [UInt8]) -> String {
      do {
        _ = try read(file)
        return ""
      } catch { return "\(error)" }
    }
    let packed = bmpFile(4, 1, bits: 8, compression: 1, palette: [[0, 0, 0]], rows: [[4, 0]])
    #expect(
      message(packed).hasSuffix("BMP: compressed BMP is not supported; save it without compression")
    )
    let cut = bmpFile(40, 40, bits: 24, rows: [[1, 2, 3]])
    #expect(message(cut).contains("damaged or truncated (BMP: the rows end early)"))
    for (width, height, bits) in [(0, 1, 24), (-1, 1, 24), (1, 0, 24), (1, 1, 7), (1, 1, 0)] {
      #expect(message(bmpFile(width, height, bits: bits, rows: [[1, 2, 3]])).contains("damaged"))
    }
    #expect(message(bmpFile(1, Int(Int32.min), bits: 24, rows: [[1, 2, 3]])).contains("damaged"))
    #expect(
      message([0, 0, 1, 0, 1, 0, 16, 16]).hasSuffix(
        "ICO files are not supported; convert it to PNG"))
    // A text with the same first bytes.
    #expect(
      message(Array("BM is what the text begins with, and so on.".utf8)).contains("not a picture"))
  }
}

/// A BMP file with a header of 40 bytes. Rows are given as stored, without padding.
func bmpFile(
  _ width: Int, _ height: Int, bits: Int, compression: Int = 0, masks: [UInt32] = [],
  palette: [[UInt8]] = [], rows: [[UInt8]]
) -> [UInt8] {
  let behind = masks.flatMap(le32) + palette.flatMap { [$0[2], $0[1], $0[0], 0] }
  let pixels = rows.flatMap { $0 + [UInt8](repeating: 0, count: (4 - $0.count % 4) % 4) }
  var file = Array("BM".utf8) + le32(UInt32(54 + behind.count + pixels.count)) + le32(0)
  file += le32(UInt32(54 + behind.count))
  file += le32(40) + [width, height].flatMap { le32(UInt32(bitPattern: Int32($0))) }
  file += le16(1) + le16(UInt16(bits)) + le32(UInt32(compression)) + le32(0)
  file += le32(11811) + le32(11811) + le32(UInt32(palette.count)) + le32(0)
  return file + behind + pixels
}
