import Foundation
import Imaging
import TestSupport
import Testing

@Suite struct OrientationTests {
  @Test(arguments: 1...8, [0, 1 << 20])
  func orientationIsApplied(orientation: Int, memoryLimit: Int) throws {
    let folder = try ScratchFolder()
    let plain = Image(gradient(width: 48, height: 32, channels: 3))
    try plain.write(to: folder("plain.jpg"))
    try insertExif(
      exifBlock(orientation: UInt16(orientation), make: "m"), into: folder("plain.jpg"),
      as: folder("turned.jpg"))
    let stored = try ImageFile.read(folder("plain.jpg")).planes()
    let reader = try ImageFile.open(
      folder("turned.jpg"), options: ReadOptions(memoryLimit: memoryLimit))
    let shown = try reader.planes(reader.rect)
    let turned = orientation >= 5
    #expect((shown.width, shown.height) == (turned ? 32 : 48, turned ? 48 : 32))
    for y in 0..<32 {
      for x in 0..<48 {
        // The position at which the stored pixel (x, y) is displayed, by the EXIF standard's table.
        let (u, v) = [
          (x, y), (47 - x, y), (47 - x, 31 - y), (x, 31 - y), (y, x), (31 - y, x), (31 - y, 47 - x),
          (y, 47 - x),
        ][orientation - 1]
        for c in 0..<3 where shown[c, v, u] != stored[c, y, x] {
          Issue.record("orientation \(orientation), pixel (\(x), \(y))")
          return
        }
      }
    }
  }
}

/// Copies a JPEG file with an EXIF segment inserted.
func insertExif(_ exif: [UInt8], into source: String, as target: String) throws {
  var jpeg = try Data(contentsOf: URL(fileURLWithPath: source))
  let length = exif.count + 2
  jpeg.insert(contentsOf: [0xff, 0xe1, UInt8(length >> 8), UInt8(length & 255)] + exif, at: 2)
  try jpeg.write(to: URL(fileURLWithPath: target))
}

/// A minimal little-endian EXIF block with two tags, Make and Orientation.
func exifBlock(orientation: UInt16, make: String) -> [UInt8] {
  let text = Array(make.utf8) + [0]
  var block = Array("Exif".utf8) + [0, 0] + Array("II".utf8) + le16(42) + le32(8)
  block += le16(2)
  block += le16(0x010f) + le16(2) + le32(UInt32(text.count)) + le32(38)
  block += le16(0x0112) + le16(3) + le32(1) + le16(orientation) + le16(0)
  block += le32(0) + text
  return block
}
