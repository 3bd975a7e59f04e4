import Files
import Foundation
import Imaging
import TestSupport
import Testing
import Torch

/// Reading any bytes results in a picture or in an error in one line.
@Suite struct MutationTests {
  private static func seeds(_ folder: ScratchFolder) throws -> [(String, [UInt8])] {
    var picture = Image(gradient(width: 19, height: 14, channels: 3))
    picture.metadata.exif = Data(ExifFile.camera())
    picture.metadata.xmp = Data("<x:xmpmeta tiff:Orientation='3'></x:xmpmeta>".utf8)
    picture.metadata.iptc = Data([0x1c, 2, 25, 0, 3, 1, 2, 3])
    picture.metadata.iccProfile = rgbProfile()
    var seeds: [(String, [UInt8])] = []
    for format in ImageFormat.allCases where format.isWritable {
      let name = "a.\(format.fileExtensions[0])"
      try picture.write(to: folder(name))
      seeds.append((name, [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder(name))))))
    }
    let pages = (0..<3).map { _ in
      TiffFile.Page(width: 6, height: 5, channels: 3, floats: [Float](repeating: 0.5, count: 90))
    }
    let bmp = bmpFile(
      6, 2, bits: 4, palette: [[1, 2, 3], [200, 0, 90]], rows: [[0x01, 0x10, 0], [0x11, 0, 1]])
    return seeds + [
      ("float.tif", TiffFile(pages: pages).bytes), ("a.gif", MadeElsewhere.gif),
      ("a.webp", MadeElsewhere.webp), ("a.jp2", MadeElsewhere.jpeg2000), ("a.bmp", bmp),
      ("a.ppm", Array("P6\n4 3\n255\n".utf8) + [UInt8](repeating: 90, count: 36)),
    ]
  }

  @Test func everyFileEndsInAPictureOrALine() throws {
    let folder = try ScratchFolder()
    var random = RandomStream(13)
    var (read, refused) = (0, 0)
    for (name, seed) in try Self.seeds(folder) {
      for round in 0..<60 {
        let path = try folder.write("m-\(name)", mutated(seed, &random))
        do {
          let options = ReadOptions(maximumPixels: 1 << 20, page: round % 4 == 0 ? 1 : nil)
          let picture = try ImageFile.read(path, options: options)
          // Its metadata are parsed and serialised again.
          try picture.write(to: folder("copy.\(round % 2 == 0 ? "png" : "tif")"), overwrite: true)
          read += 1
        } catch  where error is ImagingError || error is FileError {
          let text = "\(error)"
          // About the file, or about a copy that its metadata make impossible.
          let namesOne = text.contains("m-\(name)") || text.contains("/copy.")
          #expect(!text.contains("\n") && namesOne, "round \(round) of \(name): \(text)")
          refused += 1
        } catch {
          Issue.record(error, "round \(round) of \(name)")
        }
      }
    }
    // Some are readable and some are not, so the mutations reach the readers' code.
    #expect(read > 100 && refused > 100, "\(read) read, \(refused) refused")
  }

  /// Changes some bytes, most of them in the header; sometimes truncates the file or repeats a
  /// part.
  private func mutated(_ seed: [UInt8], _ random: inout RandomStream) -> [UInt8] {
    var bytes = seed
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let end = Bool.random(using: &random) ? min(bytes.count, 200) : bytes.count
      let place = Int.random(in: 0..<end, using: &random)
      switch Int.random(in: 0..<8, using: &random) {
      case 0: bytes[place] = 0xff
      case 1: bytes[place] = 0
      case 2: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 3:
        for i in place..<min(place + 4, bytes.count) { bytes[i] = [0x7f, 0xff][i & 1] }
      case 4: bytes.insert(contentsOf: bytes[place..<min(place + 16, bytes.count)], at: place)
      case 5 where bytes.count > 40: bytes.removeLast(bytes.count / 8)
      default: bytes[place] = UInt8.random(in: 0...255, using: &random)
      }
    }
    return bytes
  }
}
