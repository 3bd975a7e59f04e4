import Foundation
import Imaging
import TestSupport
import Testing

/// Incomplete and damaged JPEG files, and the warnings about them.
@Suite struct JpegDamageTests {
  private func file(_ folder: ScratchFolder) throws -> [UInt8] {
    try Image(noise(width: 160, height: 120, channels: 3)).write(to: folder("whole.jpg"))
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder("whole.jpg"))))
  }

  private func warnings(_ path: String) throws -> [String] {
    let reader = try ImageFile.open(path)
    try reader.decode()
    return reader.warnings
  }

  @Test func aFileWithoutItsEndIsWhole() throws {
    let folder = try ScratchFolder()
    let bytes = try file(folder)
    let whole = try ImageFile.read(folder("whole.jpg"))
    #expect(try warnings(folder("whole.jpg")) == [])
    let path = try folder.write("a.jpg", Data(bytes.dropLast(2)))
    #expect(try warnings(path) == ["the file lacks its last bytes; the picture is complete"])
    #expect(try ImageFile.read(path).samples == whole.samples)
    let cut = try folder.write("b.jpg", Data(bytes.dropLast(200)))
    #expect(throws: ImagingError.self) { try ImageFile.read(cut) }
  }

  @Test func aScrambledScanIsSaid() throws {
    let folder = try ScratchFolder()
    var bytes = try file(folder)
    // A marker in the middle of the scan.
    bytes.replaceSubrange(bytes.count / 2..<bytes.count / 2 + 4, with: [0xff, 0xd3, 0x12, 0x34])
    let said = try warnings(folder.write("a.jpg", Data(bytes)))
    #expect(said.count == 1 && said[0].contains("damaged"))
    // Data after the picture is not damage.
    let whole = try Data(contentsOf: URL(fileURLWithPath: folder("whole.jpg")))
    #expect(try warnings(folder.write("b.jpg", whole + Data(repeating: 1, count: 500))) == [])
  }
}
