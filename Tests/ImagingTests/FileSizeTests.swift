import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// `EncodingOptions.maximumBytes`.
@Suite struct FileSizeTests {
  private let folder = try! ScratchFolder()

  private static let formats = ImageFormat.allCases.filter { $0.hasQuality && $0.isWritable }

  /// Detail at every scale, and metadata, which count too.
  private static let picture: Image = {
    var planes = gradient(width: 120, height: 90, channels: 3)
    let grain = noise(width: 120, height: 90, channels: 3)
    for i in planes.values.indices { planes.values[i] += 0.2 * (grain.values[i] - 0.5) }
    var image = Image(planes)
    image.metadata.exif = Data(ExifFile.camera())
    return image
  }()

  /// The size of the file and its quality.
  private func write(
    _ format: ImageFormat, _ options: EncodingOptions, memoryLimit: Int = 1 << 30,
    _ willEncode: @escaping () throws -> Void = {}
  ) throws -> (bytes: Data, quality: Int?) {
    let picture = Self.picture
    let path = folder("a.\(format.fileExtensions[0])")
    let writer = try ImageWriter(
      path, width: picture.width, height: picture.height, channels: picture.channels,
      options: options, metadata: picture.metadata, overwrite: true, memoryLimit: memoryLimit)
    writer.willEncode = willEncode
    try writer.write(picture)
    try writer.finish()
    return (try Data(contentsOf: URL(fileURLWithPath: path)), writer.quality)
  }

  @Test(arguments: formats)
  func theHighestQualityThatFits(_ format: ImageFormat) throws {
    let free = try write(format, EncodingOptions(quality: 80))
    #expect(free.quality == 80)
    let ample = EncodingOptions(quality: 80, maximumBytes: free.bytes.count)
    #expect(try write(format, ample) == free, "it fits as it is")
    var last = 80
    for share in [0.9, 0.6, 0.45] {
      let limit = Int(share * Double(free.bytes.count))
      let options = EncodingOptions(quality: 80, maximumBytes: limit)
      let found = try write(format, options, memoryLimit: share == 0.6 ? 0 : 1 << 30)
      let quality = try #require(found.quality)
      #expect(found.bytes.count <= limit && quality <= last && quality < 80)
      let (same, above) = try (
        write(format, EncodingOptions(quality: quality)),
        write(format, EncodingOptions(quality: quality + 1))
      )
      #expect(same.bytes == found.bytes && above.bytes.count > limit, "\(limit) \(quality)")
      last = quality
    }
    #expect(folder.entries.count == 1, "nothing of the other tries is left")
  }

  @Test(arguments: formats)
  func whatNoQualityFitsIsRefused(_ format: ImageFormat) throws {
    let least = try write(format, EncodingOptions(quality: 1)).bytes.count
    let path = folder("a.\(format.fileExtensions[0])")
    unlink(path)
    for quality in [1, 2, 92] {
      let error = ImagingError.tooManyBytes(path: path, bytes: least, limit: least - 1)
      #expect(throws: error) {
        try write(format, EncodingOptions(quality: quality, maximumBytes: least - 1))
      }
      #expect(folder.entries == [])
      let fitting = try write(format, EncodingOptions(quality: quality, maximumBytes: least))
      #expect(fitting.bytes.count <= least)
      unlink(path)
    }
  }

  /// Encoders may have different scales below some quality.
  @Test(arguments: formats)
  func lowerQualitiesTakeLess(_ format: ImageFormat) throws {
    let sizes = try [1, 4, 5, 30, 60, 90].map {
      try write(format, EncodingOptions(quality: $0)).bytes.count
    }
    #expect(sizes == sizes.sorted() && sizes[0] < sizes[5], "\(sizes)")
  }

  @Test func whatHasNoQualityIsRefusedAtOnce() throws {
    for (name, lossless) in [("a.png", false), ("a.tif", false), ("a.webp", true)] {
      let options = EncodingOptions(maximumBytes: 1 << 20, lossless: lossless)
      #expect {
        _ = try ImageWriter(folder(name), width: 9, height: 9, channels: 3, options: options)
      } throws: { "\($0)".contains("no quality to lower") && "\($0)".contains("JPEG XL") }
    }
    #expect(try write(.png, EncodingOptions(quality: 50)).quality == nil)
  }

  @Test func everyTryCanBeTheLast() throws {
    struct Stop: Error {}
    let limit = try write(.jpeg, EncodingOptions(quality: 10)).bytes.count
    unlink(folder("a.jpg"))
    var count = 0
    let options = EncodingOptions(quality: 100, maximumBytes: limit)
    #expect(throws: Stop.self) {
      try write(.jpeg, options) {
        count += 1
        if count == 4 { throw Stop() }
      }
    }
    #expect(folder.entries == [])
    count = 0
    _ = try write(.jpeg, options) { count += 1 }
    #expect(count <= 8, "one of 100, seven of 1 to 99")
  }
}
