import Foundation
import Imaging
import TestSupport

/// Writes a photo of 40x24 pixels with a gradient to "photo.png" in a folder.
/// - Returns: the picture, and the bytes of the file.
func writePhoto(in folder: ScratchFolder) throws -> (picture: Image, file: Data) {
  let picture = Image(
    width: 40, height: 24, channels: 3,
    samples: .u8((0..<2880).map { (i: Int) -> UInt8 in UInt8(i % 3 * 60 + i / 120 * 2) }))
  try folder.write(picture, "photo.png")
  return (picture, try Data(contentsOf: URL(fileURLWithPath: folder("photo.png"))))
}
