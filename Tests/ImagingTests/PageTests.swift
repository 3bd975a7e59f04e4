import Foundation
import Imaging
import TestSupport
import Testing

/// Files with several pages or frames: red, green and blue.
@Suite struct PageTests {
  private static let files: [(name: String, bytes: [UInt8])] = [
    (
      "a.tif",
      TiffFile(
        pages: [[255, 0, 0], [0, 255, 0], [0, 0, 255]].map {
          .init(width: 5, height: 3, color: $0)
        }
      ).bytes
    ),
    ("a.gif", MadeElsewhere.gif),
    ("a.webp", MadeElsewhere.webp),
  ]

  @Test(arguments: files) func everyPageIsRead(_ name: String, _ bytes: [UInt8]) throws {
    let folder = try ScratchFolder()
    let path = try folder.write(name, bytes)
    for page in 0..<3 {
      let reader = try ImageFile.open(path, options: ReadOptions(page: page))
      #expect(reader.pageCount == 3 && reader.warnings == [])
      #expect((reader.width, reader.height) == (5, 3))
      let planes = try reader.image().planes()
      #expect((0..<3).map { planes[$0, 2, 4] } == (0..<3).map { $0 == page ? 1 : 0 })
    }
    let main = try ImageFile.open(path)
    #expect(main.warnings.count == 1 && main.warnings[0].contains("first of its 3 pages"))
    #expect(try main.image().planes()[0, 0, 0] == 1)
    for page in [3, -1, Int.max] {
      #expect(throws: ImagingError.noPage(path: path, page: page, count: 3)) {
        try ImageFile.open(path, options: ReadOptions(page: page))
      }
    }
  }

  @Test func filesOfOnePageHaveOne() throws {
    let folder = try ScratchFolder()
    for format in ImageFormat.allCases where format.isWritable {
      let path = folder("a.\(format.fileExtensions[0])")
      try Image(gradient(width: 20, height: 20, channels: 3)).write(to: path)
      let reader = try ImageFile.open(path, options: ReadOptions(page: 0))
      #expect(reader.pageCount == 1 && reader.warnings == [], "\(format)")
      #expect(throws: ImagingError.noPage(path: path, page: 1, count: 1)) {
        try ImageFile.open(path, options: ReadOptions(page: 1))
      }
    }
  }
}
