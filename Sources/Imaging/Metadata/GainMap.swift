import Files
import Foundation

/// The gain map of a JPEG picture (Ultra HDR, ISO 21496-1), with which HDR screens show it
/// brighter: a JPEG file appended to the picture. It covers the whole picture, whatever its own
/// size.
public struct GainMap: Equatable, Sendable {
  /// The map's file.
  public var jpeg: Data
  /// The segment of the picture that announces the map, in files according to ISO 21496-1.
  var mark: Data?

  /// Whether a file is a gain map: a complete JPEG file that says so.
  static func isOne(_ jpeg: [UInt8]) -> Bool {
    guard jpeg.starts(with: [0xff, 0xd8, 0xff]), jpeg.suffix(2) == [0xff, 0xd9] else {
      return false
    }
    let head = Data(jpeg.prefix(64 << 10))
    return ["hdr-gain-map", "urn:iso:std:iso:ts:21496", "HDRGainMap"].contains {
      head.range(of: Data($0.utf8)) != nil
    }
  }

  /// The map rotated as its picture was by an EXIF orientation: re-encoded, with the segments that
  /// describe its use. nil if it cannot be read.
  func turned(by orientation: Int) -> GainMap? {
    let turned = try? TemporaryFolder.with { folder -> Data in
      try AtomicFile.write(jpeg, to: folder + "/map.jpg")
      var options = ReadOptions()
      options.orientation = orientation
      var image = try ImageFile.read(folder + "/map.jpg", options: options)
      image.metadata = ImageMetadata()
      try image.write(to: folder + "/turned.jpg", options: EncodingOptions(quality: 95))
      let encoded = try Data(contentsOf: URL(fileURLWithPath: folder + "/turned.jpg"))
      return encoded.prefix(2) + JpegContainer.descriptions(jpeg) + encoded.dropFirst(2)
    }
    return turned.map { GainMap(jpeg: $0, mark: mark) }
  }
}
