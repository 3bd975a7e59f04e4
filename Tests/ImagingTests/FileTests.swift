import Foundation
import Imaging
import Synchronization
import TestSupport
import Testing

@Suite struct FileTests {
  @Test(arguments: ImageFormat.allCases.filter(\.isWritable), [1, 2, 3, 4])
  func everyFormatKeepsChannelsAndDepth(format: ImageFormat, channels: Int) throws {
    let folder = try ScratchFolder()
    for depth in [8, 16] {
      if depth == 16 && !format.supports16Bit { continue }
      if !format.supportsAlpha && channels % 2 == 0 { continue }
      let path = folder("x\(depth).\(format.fileExtensions[0])")
      let picture = Image(gradient(width: 67, height: 45, channels: channels), bitDepth: depth)
      try picture.write(to: path, options: EncodingOptions(quality: 97, lossless: format == .jxl))
      let back = try ImageFile.read(path)
      #expect((back.width, back.height) == (67, 45))
      #expect(back.bitDepth == depth, "\(format) \(depth)")
      // WebP and AVIF files do not store grey: it is read back as RGB.
      let expected =
        (format == .webp || format == .avif) && channels <= 2 ? channels + 2 : channels
      #expect(back.channels == expected, "\(format) \(channels) channels")
      if [.png, .tiff].contains(format) {
        #expect(back.samples == picture.samples)
      } else if back.channels == channels {
        let error = zip(back.planes().values, picture.planes().values).map { abs($0 - $1) }.max()!
        #expect(error < 0.1, "\(format) \(channels) channels, \(depth) bit: error \(error)")
      }
    }
    #expect(folder.entries.allSatisfy { $0.hasPrefix("x") })
  }

  @Test func regionsAreThoseOfTheWholeAlsoThroughAFile() throws {
    let folder = try ScratchFolder()
    let picture = Image(noise(width: 130, height: 70, channels: 3), bitDepth: 16)
    try picture.write(to: folder("p.png"))
    for limit in [1 << 20, 0] {
      let reader = try ImageFile.open(
        folder("p.png"), options: ReadOptions(memoryLimit: limit, scratchFolder: folder.path))
      for rect in [
        PixelRect(x: 0, y: 0, width: 1, height: 1), PixelRect(x: 100, y: 60, width: 30, height: 10),
        reader.rect, PixelRect(x: 3, y: 5, width: 64, height: 64),
      ] {
        #expect(try reader.region(rect).samples == picture.cropped(to: rect).samples)
        #expect(try reader.planes(rect) == picture.planes(rect))
      }
      let beyond = PixelRect(x: 120, y: -4, width: 20, height: 90)
      #expect(try reader.planes(beyond) == picture.planes().cropped(to: beyond))
      #expect(folder.entries == ["p.png"])
    }
  }

  @Test func bracketsInNamesAreNotOptions() throws {
    let folder = try ScratchFolder()
    let picture = Image(noise(width: 9, height: 4, channels: 3))
    for name in ["a[1].png", "b %d [Q=1].png", "ü 漢.png"] {
      try picture.write(to: folder(name))
      #expect(try ImageFile.read(folder(name)).samples == picture.samples)
    }
    #expect(folder.entries.count == 3)
  }

  @Test func regionsCanBeReadFromManyThreads() throws {
    let folder = try ScratchFolder()
    let picture = Image(noise(width: 256, height: 192, channels: 3))
    try picture.write(to: folder("p.png"))
    for limit in [0, 1 << 30] {
      let reader = try ImageFile.open(folder("p.png"), options: ReadOptions(memoryLimit: limit))
      let rects = (0..<48).map {
        PixelRect(x: 28 * ($0 % 8), y: 26 * ($0 / 8), width: 32, height: 32)
      }
      let wrong = Atomic(0)
      DispatchQueue.concurrentPerform(iterations: rects.count) { i in
        let same =
          (try? reader.region(rects[i]).samples)
          == picture.cropped(to: rects[i]).samples
        if !same { wrong.add(1, ordering: .relaxed) }
      }
      #expect(wrong.load(ordering: .relaxed) == 0)
    }
  }
}
