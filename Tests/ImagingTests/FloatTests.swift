import Foundation
import Imaging
import TestSupport
import Testing

/// Pictures of float samples.
@Suite struct FloatTests {
  @Test(arguments: [1, 3]) func floatsAreReadAsTheyAreAndItIsSaid(_ channels: Int) throws {
    let folder = try ScratchFolder()
    let values: [Float] = [0, 0.25, 0.5, 1, -1, 2]
    let page = TiffFile.Page(
      width: 6 / channels, height: 1, channels: channels, floats: values)
    let path = try folder.write("a.tif", TiffFile(pages: [page]).bytes)
    let reader = try ImageFile.open(path)
    #expect(
      reader.warnings
        == ["its float samples are converted to 16 bit: 0 is black, 1 is white, others are clipped"]
    )
    let picture = try reader.image()
    #expect(picture.channels == channels)
    #expect(picture.samples == .u16([0, 16384, 32768, 65535, 0, 65535]))
  }

  @Test func noNumberIsNoTrap() throws {
    let folder = try ScratchFolder()
    let page = TiffFile.Page(
      width: 4, height: 1, channels: 1, floats: [.nan, .infinity, -.infinity, 1])
    let path = try folder.write("a.tif", TiffFile(pages: [page]).bytes)
    guard case .u16(let samples) = try ImageFile.read(path).samples else {
      Issue.record("not of 16 bit")
      return
    }
    #expect(Array(samples[1...]) == [65535, 0, 65535])
  }
}
