extension WebpContainer {
  /// Warns about chunks that libvips does not read and no output has.
  static func contents(_ source: FileBytes) -> FileContents {
    var found = FileContents()
    let known: Set<String> = [
      "VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "ICCP", "EXIF", "XMP ",
    ]
    var place = 12
    while let head = source.read(place, 8) {
      let count = Int(integer(head[4..<8], littleEndian: true))
      let type = String(decoding: head[0..<4], as: UTF8.self)
      if type == "C2PA" {
        found.leaveOut(FileContents.credentials)
      } else if !known.contains(type) {
        found.leaveOut("the chunk \(type.debugDescription) is")
      }
      place += 8 + count + count % 2
    }
    return found
  }
}
