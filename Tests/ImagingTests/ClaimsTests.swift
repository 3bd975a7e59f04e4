import Foundation
import Imaging
import TestSupport
import Testing

/// Statements of XMP packets about a picture that has changed.
@Suite struct ClaimsTests {
  private static func packet(_ namespaces: String, _ attributes: String, _ inner: String = "")
    -> String
  {
    """
    <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF \
    xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description \(namespaces) \
    \(attributes)>\(inner)</rdf:Description></rdf:RDF></x:xmpmeta>
    """
  }

  /// A JPEG file with segments after its first marker.
  private func jpeg(_ folder: ScratchFolder, _ segments: [(UInt8, [UInt8])], behind: [UInt8] = [])
    throws -> String
  {
    try Image(gradient(width: 96, height: 72, channels: 3)).write(
      to: folder("a.jpg"), overwrite: true)
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder("a.jpg"))))
    let inserted = segments.flatMap { mark, contents -> [UInt8] in
      let count = contents.count + 2
      return [0xff, mark, UInt8(count >> 8), UInt8(count & 255)] + contents
    }
    bytes.insert(contentsOf: inserted, at: 2)
    return try folder.write("a.jpg", Data(bytes + behind))
  }

  private func segment(_ packet: String) -> (UInt8, [UInt8]) {
    (0xe1, Array("http://ns.adobe.com/xap/1.0/\0".utf8) + Array(packet.utf8))
  }

  /// The file written at twice the size: its packet and all warnings.
  private func enlarged(_ path: String, to name: String, in folder: ScratchFolder) throws
    -> (xmp: String, warnings: [String])
  {
    let reader = try ImageFile.open(path)
    let output = try PictureOutput(
      folder(name), width: 2 * reader.width, height: 2 * reader.height, channels: 3,
      metadata: reader.metadata)
    let writer = try ImageWriter(output, overwrite: true)
    try writer.write(gradient(width: output.width, height: output.height, channels: 3))
    try writer.finish()
    let xmp = try ImageFile.open(folder(name)).metadata.xmp ?? Data()
    return (String(decoding: xmp, as: UTF8.self), reader.warnings + output.warnings)
  }

  @Test func sizesOfPanoramasAreScaled() throws {
    let folder = try ScratchFolder()
    let packet = Self.packet(
      #"xmlns:G="http://ns.google.com/photos/1.0/panorama/""#,
      """
      G:ProjectionType="equirectangular" G:FullPanoWidthPixels="200" G:CroppedAreaTopPixels="9" \
      G:InitialViewHeadingDegrees="7"
      """, "<G:FullPanoHeightPixels>100</G:FullPanoHeightPixels>")
    let (xmp, warnings) = try enlarged(jpeg(folder, [segment(packet)]), to: "b.jpg", in: folder)
    #expect(warnings == [])
    for part in [
      #"FullPanoWidthPixels="400""#, #"CroppedAreaTopPixels="18""#, ">200<",
      #"InitialViewHeadingDegrees="7""#,
    ] { #expect(xmp.contains(part), "\(part)") }
  }

  @Test func videosAreGoneAndSaid() throws {
    let folder = try ScratchFolder()
    let packet = Self.packet(
      #"xmlns:GCamera="http://ns.google.com/photos/1.0/camera/""#,
      #"GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="50" GCamera:Other="2""#)
    let path = try jpeg(folder, [segment(packet)], behind: [UInt8](repeating: 7, count: 50))
    for name in ["b.jpg", "b.png", "b.avif"] {
      let (xmp, warnings) = try enlarged(path, to: name, in: folder)
      #expect(warnings == ["the video of a motion photo is left out"])
      #expect(!xmp.contains("MotionPhoto") && !xmp.contains("MicroVideo") && xmp.contains("Other"))
    }
  }

  private static let ultra =
    #"xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" "#
    + #"xmlns:Container="http://ns.google.com/photos/1.0/container/" "#
    + #"xmlns:Item="http://ns.google.com/photos/1.0/container/item/""#

  /// A picture with a gain map appended.
  private func ultraHDR(_ folder: ScratchFolder) throws -> (path: String, map: [UInt8]) {
    let map = [UInt8](
      try Data(
        contentsOf: URL(
          fileURLWithPath: jpeg(
            folder,
            [
              segment(
                Self.packet(Self.ultra, #"hdrgm:Version="1.0" hdrgm:GainMapMax="2.5""#))
            ]))))
    let item = { (semantic: String, more: String) in
      """
      <rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="\(semantic)" \
      Item:Mime="image/jpeg"\(more)/></rdf:li>
      """
    }
    let directory =
      "<Container:Directory><rdf:Seq>" + item("Primary", "")
      + item("GainMap", " Item:Length=\"\(map.count)\"") + "</rdf:Seq></Container:Directory>"
    let packet = Self.packet(Self.ultra, #"hdrgm:Version="1.0""#, directory)
    return (try jpeg(folder, [segment(packet)], behind: map), map)
  }

  @Test func gainMapsStayBehindTheirPicture() throws {
    let folder = try ScratchFolder()
    let (path, map) = try ultraHDR(folder)
    let (xmp, warnings) = try enlarged(path, to: "b.jpg", in: folder)
    #expect(warnings == [])
    #expect(xmp.contains(#"hdrgm:Version="1.0""#) && xmp.contains(#"Item:Length="\#(map.count)""#))
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder("b.jpg"))))
    #expect(Array(bytes.suffix(map.count)) == map)
    // The index of pictures: the second one's size and its offset from the index.
    let index = try #require(Data(bytes).range(of: Data("MPF\0".utf8))).upperBound
    func be32(_ place: Int) -> Int { bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) } }
    #expect(be32(index + 54) == bytes.count - map.count)
    #expect(be32(index + 70) == map.count && index + be32(index + 74) == bytes.count - map.count)
    // Reading it again gives the same.
    #expect(try ImageFile.open(folder("b.jpg")).metadata.gainMap?.jpeg == Data(map))
  }

  /// Phones store upright pictures rotated, and their maps likewise.
  @Test func gainMapsTurnWithTheirPicture() throws {
    let folder = try ScratchFolder()
    let (path, map) = try ultraHDR(folder)
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let exif: [UInt8] =
      Array("Exif\0\0MM".utf8)
      + [0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]
    bytes.insert(contentsOf: [0xff, 0xe1, 0, UInt8(exif.count + 2)] + exif, at: 2)
    let turned = try folder.write("t.jpg", Data(bytes))
    let (xmp, warnings) = try enlarged(turned, to: "b.jpg", in: folder)
    #expect(warnings == [])
    let output = try ImageFile.open(folder("b.jpg"))
    let kept = try #require(output.metadata.gainMap?.jpeg)
    #expect(kept != Data(map) && xmp.contains(#"Item:Length="\#(kept.count)""#))
    #expect(kept.range(of: Data(#"hdrgm:GainMapMax="2.5""#.utf8)) != nil)
    let (before, after) = try (
      ImageFile.read(folder.write("m.jpg", Data(map))), ImageFile.read(folder.write("n.jpg", kept))
    )
    #expect((after.width, after.height) == (before.height, before.width))
    // The top right corner was the top left one.
    let (corner, old) = (3 * (after.width - 1), 0)
    #expect(
      (0..<3).allSatisfy { abs(Int(after.bytes[corner + $0]) - Int(before.bytes[old + $0])) < 6 })
  }

  @Test func claimsOfAGainMapThatIsNotThereAreGone() throws {
    let folder = try ScratchFolder()
    let (path, map) = try ultraHDR(folder)
    let (xmp, warnings) = try enlarged(path, to: "b.png", in: folder)
    #expect(warnings == ["PNG has no place for the gain map; it is left out"])
    #expect(!xmp.contains("hdrgm:Version") && !xmp.contains("GainMap"))
    // Truncated, as by a program that does not know about it.
    let cut = try Data(contentsOf: URL(fileURLWithPath: path)).dropLast(map.count)
    let lost = try enlarged(folder.write("c.jpg", Data(cut)), to: "d.jpg", in: folder)
    #expect(
      !lost.xmp.contains("hdrgm:Version") && lost.warnings.contains { $0.contains("gain map") })
  }

  /// A packet in several parts, inside one that JPEG has no room for either.
  @Test func extendedPacketsAreJoined() throws {
    let folder = try ScratchFolder()
    let more = Self.packet(
      #"xmlns:p="http://ns.adobe.com/photoshop/1.0/""#,
      #"p:History="\#(String(repeating: "edit ", count: 20_000))""#)
    let guid = String(repeating: "A", count: 32)
    let packet = Self.packet(
      #"xmlns:xmpNote="http://ns.adobe.com/xmp/note/""#, #"xmpNote:HasExtendedXMP="\#(guid)""#)
    func be32(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 255) } }
    let bytes = Array(more.utf8)
    var parts = stride(from: 0, to: bytes.count, by: 60_000).map { start -> (UInt8, [UInt8]) in
      let part = bytes[start..<min(start + 60_000, bytes.count)]
      return (
        0xe1,
        Array("http://ns.adobe.com/xmp/extension/\0\(guid)".utf8) + be32(bytes.count)
          + be32(start) + part
      )
    }
    let path = try jpeg(folder, [segment(packet)] + parts)
    for name in ["b.jpg", "b.png", "b.webp"] {
      let (xmp, warnings) = try enlarged(path, to: name, in: folder)
      #expect(warnings == [], "\(name)")
      #expect(xmp.contains("edit edit") && !xmp.contains("HasExtendedXMP"), "\(name)")
    }
    parts.removeLast()
    let damaged = try enlarged(jpeg(folder, [segment(packet)] + parts), to: "c.jpg", in: folder)
    #expect(damaged.warnings == ["the second part of the XMP data is damaged and left out"])
  }

  /// Documents that define entities, endless ones, none.
  @Test func packetsThatAreNoneAreLeftOut() throws {
    let folder = try ScratchFolder()
    for bad in [
      "", "<a", "<a:b/><c/>",
      #"<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>"#,
      String(repeating: "<a>", count: 5000),
    ] where !bad.isEmpty {
      let (xmp, warnings) = try enlarged(jpeg(folder, [segment(bad)]), to: "b.jpg", in: folder)
      #expect(
        xmp.isEmpty && warnings == ["the XMP data are damaged and left out"], "\(bad.prefix(9))")
    }
  }
}
