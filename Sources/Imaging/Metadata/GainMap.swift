import Foundation

/// The map by which a screen with more light shows a JPEG picture brighter (Ultra HDR, ISO
/// 21496-1): a JPEG file of its own behind the picture. It covers the whole picture whatever its
/// size.
public struct GainMap: Equatable, Sendable {
  /// The map's file.
  public var jpeg: Data
  /// The picture's segment that announces it, of files after ISO 21496-1.
  var mark: Data?

  /// Whether a file is a gain map: a whole JPEG file that says so.
  static func isOne(_ jpeg: [UInt8]) -> Bool {
    guard jpeg.starts(with: [0xff, 0xd8, 0xff]), jpeg.suffix(2) == [0xff, 0xd9] else {
      return false
    }
    let head = Data(jpeg.prefix(64 << 10))
    return ["hdr-gain-map", "urn:iso:std:iso:ts:21496", "HDRGainMap"].contains {
      head.range(of: Data($0.utf8)) != nil
    }
  }
}
