import Foundation

/// The metadata that an output gets.
public enum MetadataPolicy: String, CaseIterable, Sendable {
  /// Everything that the format can hold.
  case keep
  /// Colours and density only.
  case strip
  /// Everything except the location, the owner's name, serial numbers, makers' notes and
  /// thumbnails; credits stay.
  case `private`
}

extension ImageMetadata {
  /// The metadata that remain under a policy.
  public func filtered(_ policy: MetadataPolicy) -> ImageMetadata {
    var metadata = self
    switch policy {
    case .keep: break
    case .strip:
      metadata.exif = nil
      metadata.xmp = nil
      metadata.iptc = nil
      metadata.texts = []
      metadata.gainMap = nil
    case .private:
      // A damaged block stays damaged, and the writer warns about it.
      if var block = exif.flatMap({ ExifBlock($0) }) {
        block.makePrivate()
        metadata.exif = Data(block.bytes)
      }
      metadata.xmp = xmp.map {
        (try? XmpPacket.edited($0, XmpPacket.identifying).packet) ?? $0
      }
      metadata.texts = texts.filter { text in
        let keyword = text.keyword.lowercased()
        return !["gps", "latitude", "longitude", "location", "serial", "exif"].contains {
          keyword.contains($0)
        }
      }
      metadata.iptc = iptc.flatMap { IptcBlock.records(in: Array($0)) }
        .map { Data(IptcBlock.withoutPlace($0)) }
    }
    return metadata
  }
}
