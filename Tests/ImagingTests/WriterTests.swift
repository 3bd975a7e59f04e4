import Files
import Foundation
import Imaging
import TestSupport
import Testing

@Suite struct WriterTests {
  @Test(arguments: [0, 1 << 30]) func stripsMakeThePicture(memoryLimit: Int) throws {
    let folder = try ScratchFolder()
    let planes = noise(width: 50, height: 41, channels: 3)
    for depth in [8, 16] {
      let path = folder("strips\(depth).png")
      let writer = try ImageWriter(
        path, width: 50, height: 41, channels: 3, bitDepth: depth, memoryLimit: memoryLimit)
      for y in stride(from: 0, to: 41, by: 8) {
        try writer.write(
          planes.cropped(to: PixelRect(x: 0, y: y, width: 50, height: min(8, 41 - y))))
      }
      #expect(!folder.entries.contains("strips\(depth).png"))
      try writer.finish()
      #expect(try ImageFile.read(path).samples == Image(planes, bitDepth: depth).samples)
    }
    #expect(folder.entries == ["strips16.png", "strips8.png"])
  }

  /// A photo as PNG takes about half the size of its samples, and less with more effort.
  @Test func photosDeflateWell() throws {
    let folder = try ScratchFolder()
    let photo = try ImageFile.read(
      Fixture.packageRoot.appendingPathComponent("Samples/face-astronaut-nasa.jpg").path)
    var sizes: [Int] = []
    for effort in [0, 1, 4, 9] {
      let path = folder("\(effort).png")
      try photo.write(to: path, options: EncodingOptions(effort: effort))
      #expect(try ImageFile.read(path).samples == photo.samples)
      sizes.append(try Data(contentsOf: URL(fileURLWithPath: path)).count)
    }
    #expect(sizes == sizes.sorted(by: >), "\(sizes)")
    #expect(Double(sizes[2]) < 0.55 * Double(sizes[0]), "\(sizes)")
  }

  @Test func existingFilesAreKeptUnlessOverwritten() throws {
    let folder = try ScratchFolder()
    let (a, b) = (
      Image(noise(width: 5, height: 5, channels: 1)),
      Image(FloatImage(width: 4, height: 4, channels: 1))
    )
    let path = folder("a.png")
    try a.write(to: path)
    #expect(throws: FileError.exists(path: path)) { try b.write(to: path) }
    // A file that appears while the picture is being written is kept too.
    let late = folder("late.png")
    let writer = try ImageWriter(late, width: 4, height: 4, channels: 1)
    try writer.write(b)
    try a.write(to: late)
    #expect(throws: FileError.exists(path: late)) { try writer.finish() }
    #expect(try ImageFile.read(late).samples == a.samples)
    try b.write(to: path, overwrite: true)
    #expect(try ImageFile.read(path).width == 4)
    #expect(folder.entries == ["a.png", "late.png"])
  }

  @Test func nothingIsLeftAfterAFailure() throws {
    let folder = try ScratchFolder()
    for limit in [0, 1 << 20] {
      let path = folder("half.png")
      let writer = try ImageWriter(path, width: 8, height: 8, channels: 3, memoryLimit: limit)
      try writer.write(FloatImage(width: 8, height: 3, channels: 3))
      #expect(throws: ImagingError.incomplete(path: path, written: 3, height: 8)) {
        try writer.finish()
      }
      let cancelled = try ImageWriter(path, width: 8, height: 8, channels: 3, memoryLimit: limit)
      try cancelled.write(FloatImage(width: 8, height: 3, channels: 3))
      cancelled.cancel()
      do {
        let dropped = try ImageWriter(path, width: 8, height: 8, channels: 3, memoryLimit: limit)
        try dropped.write(FloatImage(width: 8, height: 3, channels: 3))
      }
    }
    #expect(folder.entries == [])
  }

  @Test func impossibleTargetsAreRefusedAtOnce() throws {
    let folder = try ScratchFolder()
    func open(_ name: String, width: Int = 4, channels: Int = 3, bitDepth: Int = 8) throws {
      _ = try ImageWriter(
        folder(name), width: width, height: 4, channels: channels, bitDepth: bitDepth)
    }
    #expect(throws: ImagingError.unknownFormat(path: folder("x.bmp"))) { try open("x.bmp") }
    #expect(throws: ImagingError.unknownFormat(path: folder("x"))) { try open("x") }
    #expect(throws: FileError.missingFolder(path: folder("no"))) { try open("no/x.png") }
    #expect(throws: ImagingError.self) { try open("x.jpg", channels: 4) }
    #expect(throws: ImagingError.self) { try open("x.jpg", bitDepth: 16) }
    #expect(throws: ImagingError.self) { try open("x.webp", width: 20_000) }
    try FileManager.default.createDirectory(
      atPath: folder("d.png"), withIntermediateDirectories: false)
    #expect(throws: FileError.self) { try open("d.png") }
    #expect(folder.entries == ["d.png"])
  }

  @Test(.enabled(if: SmallDisk.isPossible, Comment(rawValue: SmallDisk.missing)))
  func aFullDiskIsReportedAndLeavesNothing() throws {
    let disk = try SmallDisk(kilobytes: 256)
    let picture = Image(noise(width: 400, height: 400, channels: 3))
    for format in ImageFormat.allCases where format.isWritable {
      let path = disk("x.\(format.fileExtensions[0])")
      // First the rows do not fit on the disk, then the encoded file does not.
      for limit in [0, 1 << 30] {
        #expect(throws: FileError.diskFull(path: path), "\(format) \(limit)") {
          let writer = try ImageWriter(
            path, width: 400, height: 400, channels: 3,
            options: EncodingOptions(quality: 100, lossless: true), memoryLimit: limit)
          try writer.write(picture)
          try writer.finish()
        }
        #expect(disk.entries == [], "\(format)")
      }
    }
  }
}
