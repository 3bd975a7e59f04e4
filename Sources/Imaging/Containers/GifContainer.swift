/// Reads the comments of GIF files.
enum GifContainer {
  static func contents(_ source: FileBytes) -> FileContents {
    var found = FileContents()
    guard let head = source.read(0, 13) else { return found }
    func colors(_ flags: UInt8) -> Int { flags & 0x80 != 0 ? 3 << (Int(flags & 7) + 1) : 0 }
    var place = 13 + colors(head[10])
    // Sub-blocks of up to 255 bytes, until an empty one.
    func pieces(limit: Int) -> [UInt8] {
      var bytes: [UInt8] = []
      while let count = source.read(place, 1)?.first {
        place += 1
        if count == 0 { break }
        if bytes.count < limit { bytes += source.read(place, Int(count)) ?? [] }
        place += Int(count)
      }
      return bytes
    }
    while let mark = source.read(place, 2) {
      switch mark[0] {
      case 0x21:
        place += 2
        let contents = pieces(limit: mark[1] == 0xfe ? 1 << 20 : 0)
        if mark[1] == 0xfe { found.texts.append(PictureText(text: PictureText.decode(contents))) }
      case 0x2c:
        guard let image = source.read(place, 10) else { return found }
        place += 11 + colors(image[9])
        _ = pieces(limit: 0)
      default: return found
      }
    }
    return found
  }
}
