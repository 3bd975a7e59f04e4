import Foundation

/// Which metadata an output gets.
public enum MetadataPolicy: String, CaseIterable, Sendable {
  /// All that the format can hold.
  case keep
  /// The colours and the density only.
  case strip
  /// Without the place, the owner's name, serial numbers, makers' notes and thumbnails; credits
  /// stay.
  case `private`
}

extension ImageMetadata {
  /// What is left of them under a policy.
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
      // What is damaged stays so, and the writer says it.
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
