import Foundation

extension XmpPacket {
  /// Properties that name a location, the owner or a serial number, or that hold a thumbnail or a
  /// maker's note.
  static let identifying: [Edit] =
    [
      "GPS", "Latitude", "Longitude", "Longtitude", "Altitude", "SerialNumber", "OwnerName",
      "LocationCreated", "LocationShown", "MakerNote",
    ].map { Edit(nil, $0, .remove) }
    + ["City", "State", "Country"].map {
      Edit("http://ns.adobe.com/photoshop/1.0/", $0, .remove)
    }
    + ["Location", "CountryCode"].map {
      Edit("http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", $0, .remove)
    } + [Edit(Namespace.xmp, "Thumbnails", .remove)]

  /// Corrects a packet for a picture of another size: upright, of this size, without a thumbnail
  /// and without references to what the file does not contain.
  ///
  /// - Parameters:
  ///   - source: the picture that the packet describes; nil: this one.
  ///   - gainMap: the size of the gain map that the file keeps in bytes; 0 if there is none.
  /// - Returns: the packet, nil if it is damaged, and warnings about what was left out, a line
  ///   each.
  static func describing(
    _ packet: Data, width: Int, height: Int, source: ImageMetadata.Source?, gainMap: Int
  ) -> (packet: Data?, leftOut: [String]) {
    var leftOut: [String] = []
    let source = source ?? ImageMetadata.Source(width: width, height: height)
    let (x, y) = (Double(width) / Double(source.width), Double(height) / Double(source.height))
    let isTurned = source.orientation != 1
    var edits = [
      Edit(Namespace.tiff, "Orientation", .set(1)), Edit(Namespace.tiff, "ImageWidth", .set(width)),
      Edit(Namespace.tiff, "ImageLength", .set(height)),
      Edit(Namespace.exif, "PixelXDimension", .set(width)),
      Edit(Namespace.exif, "PixelYDimension", .set(height)),
      Edit(Namespace.xmp, "Thumbnails", .remove), Edit(Namespace.note, "HasExtendedXMP", .remove),
    ]
    // Each group is reported once.
    var groups: [(line: String, edits: Range<Int>)] = []
    func add(_ line: String? = nil, _ group: [Edit]) {
      if let line { groups.append((line, edits.count..<edits.count + group.count)) }
      edits += group
    }
    let panorama = Namespace.panorama
    if isTurned {
      add(
        "panorama metadata are left out, since the picture was rotated",
        [Edit(panorama, nil, .remove)])
      add(
        "the positions of faces are left out, since the picture was rotated",
        [
          Edit(Namespace.regions, "Regions", .remove),
          Edit(Namespace.people, "RegionInfo", .remove),
        ])
    } else {
      for name in ["FullPanoWidthPixels", "CroppedAreaImageWidthPixels", "CroppedAreaLeftPixels"] {
        add(nil, [Edit(panorama, name, .scale(x))])
      }
      for name in ["FullPanoHeightPixels", "CroppedAreaImageHeightPixels", "CroppedAreaTopPixels"] {
        add(nil, [Edit(panorama, name, .scale(y))])
      }
      add(
        nil,
        [Edit(Namespace.dimensions, "w", .scale(x)), Edit(Namespace.dimensions, "h", .scale(y))])
    }
    add(
      nil,
      [
        "MotionPhoto", "MotionPhotoVersion", "MotionPhotoPresentationTimestampUs", "MicroVideo",
        "MicroVideoVersion", "MicroVideoOffset", "MicroVideoPresentationTimestampUs",
      ].map { Edit(Namespace.camera, $0, .remove) } + [Edit(Namespace.container, nil, .remove)])
    if gainMap == 0 {
      add(
        "the gain map for HDR screens is left out",
        [Edit(Namespace.gainMap, nil, .remove), Edit(Namespace.appleGainMap, nil, .remove)])
    }
    do {
      var (result, found) = try edited(packet, edits)
      for (line, range) in groups where found[range].contains(where: { $0 > 0 }) {
        leftOut.append(line)
      }
      if gainMap > 0 { result = try edited(result, adding: directory(gainMap), []).packet }
      return (result, leftOut)
    } catch {
      return (nil, ["the XMP data are damaged and left out"])
    }
  }

  /// The properties of a picture with a gain map according to Ultra HDR.
  private static func directory(_ length: Int) -> Data {
    func item(_ semantic: String, _ more: String) -> String {
      """
      <rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="\(semantic)" \
      Item:Mime="image/jpeg"\(more)/></rdf:li>
      """
    }
    return Data(
      """
      <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF \
      xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" \
      xmlns:Container="\(Namespace.container)" xmlns:Item="\(Namespace.container)item/">\
      <Container:Directory><rdf:Seq>\(item("Primary", ""))\
      \(item("GainMap", " Item:Length=\"\(length)\""))</rdf:Seq></Container:Directory>\
      </rdf:Description></rdf:RDF></x:xmpmeta>
      """.utf8)
  }
}
