import CVips
import Foundation

extension PngContainer {
  /// Reads the chunks of a file, wherever they are.
  static func contents(_ source: FileBytes) -> FileContents {
    var found = FileContents()
    found.isExifUpright = false
    found.statesDensity = true
    var calibration = Calibration()
    var place = 8
    while let head = source.read(place, 8) {
      let count = Int(integer(head[0..<4], littleEndian: false))
      let type = String(decoding: head[4..<8], as: UTF8.self)
      guard count <= source.count - place - 8 else { break }
      let isRead = type != "IDAT" && type != "fdAT" && count <= FileContents.largestBlock
      if isRead, let bytes = source.read(place + 8, count) {
        read(type, bytes, into: &found, &calibration)
      }
      place += 12 + count
      if type == "IEND" { break }
    }
    calibration.complete(&found)
    return found
  }

  /// Chunks of the pixels, which libvips reads, and chunks that are meaningless for a larger
  /// picture.
  private static let others: Set<String> = [
    "IHDR", "PLTE", "IDAT", "IEND", "tRNS", "bKGD", "hIST", "sBIT", "tIME", "acTL", "fdAT", "iDOT",
    "sPLT", "vpAg",
  ]

  private static func read(
    _ type: String, _ bytes: [UInt8], into found: inout FileContents,
    _ calibration: inout Calibration
  ) {
    let numbers = stride(from: 0, to: bytes.count / 4 * 4, by: 4).map {
      Int(integer(bytes[$0..<$0 + 4], littleEndian: false))
    }
    switch type {
    case "eXIf": found.exif = bytes
    case "tEXt", "zTXt", "iTXt":
      guard let text = text(type, bytes) else { return found.leaveOut("a damaged text is") }
      add(text.keyword, text.bytes, isUnicode: type == "iTXt", to: &found)
    case "iCCP":
      found.iccProfile = text("zTXt", bytes)?.bytes
      if found.iccProfile == nil { found.leaveOut("a damaged ICC profile is") }
    case "cICP" where bytes.count == 4:
      // The matrix must be 0: RGB.
      found.cicp = CodePoints(primaries: bytes[0], transfer: bytes[1])
    case "sRGB": calibration.isStandard = true
    case "gAMA" where numbers.count == 1 && numbers[0] > 0:
      calibration.gamma = 100_000 / Double(numbers[0])
    case "cHRM" where numbers.count == 8:
      let n = numbers.map { Double($0) / 100_000 }
      calibration.chromaticities = Chromaticities(
        white: (n[0], n[1]), red: (n[2], n[3]), green: (n[4], n[5]), blue: (n[6], n[7]))
    case "pHYs" where bytes.count == 9 && numbers[0] > 0 && numbers[1] > 0:
      let (x, y) = (Double(numbers[0]), Double(numbers[1]))
      found.density =
        bytes[8] == 1 ? PixelDensity(perMillimetre: x / 1000, y / 1000) : PixelDensity(ratio: x, y)
    case "fcTL": found.frameCount = (found.frameCount ?? 0) + 1
    case "caBX": found.leaveOut(FileContents.credentials)
    default:
      if !others.contains(type) { found.leaveOut("the chunk \(type.debugDescription) is") }
    }
  }

  /// The keyword and the bytes of a text chunk.
  private static func text(_ type: String, _ bytes: [UInt8]) -> (keyword: String, bytes: [UInt8])? {
    guard let end = bytes.firstIndex(of: 0) else { return nil }
    let keyword = PictureText.latin1(bytes[..<end])
    var rest = bytes[(end + 1)...]
    var isCompressed = type == "zTXt"
    switch type {
    case "zTXt":
      guard rest.popFirst() == 0 else { return nil }
    case "iTXt":
      // The compression flag and method, the language and the translated keyword.
      guard rest.count >= 2 else { return nil }
      isCompressed = rest.removeFirst() == 1
      rest.removeFirst()
      for _ in 0..<2 {
        guard let end = rest.firstIndex(of: 0) else { return nil }
        rest = rest[(end + 1)...]
      }
    default: break
    }
    guard isCompressed else { return (keyword, Array(rest)) }
    let text = try? blob { out, error in
      withBlob(Array(rest)) { cvips_inflate($0, FileContents.largestBlock, out, &error) }
    }
    return text.map { (keyword, [UInt8]($0)) }
  }

  private static func add(
    _ keyword: String, _ bytes: [UInt8], isUnicode: Bool, to found: inout FileContents
  ) {
    switch keyword {
    case "XML:com.adobe.xmp": found.xmp = bytes
    case "Raw profile type exif", "Raw profile type APP1":
      guard let block = rawProfile(bytes) else { return found.leaveOut("damaged EXIF data are") }
      let xmp = JpegContainer.xmpPrefix
      if block.starts(with: xmp) {
        found.xmp = found.xmp ?? Array(block.dropFirst(xmp.count))
      } else {
        found.exif = found.exif ?? block
      }
    case "Raw profile type xmp": found.xmp = found.xmp ?? rawProfile(bytes)
    case "Raw profile type iptc", "Raw profile type 8bim":
      found.iptc = found.iptc ?? rawProfile(bytes)
    case "Raw profile type icc", "Raw profile type icm":
      found.iccProfile = found.iccProfile ?? rawProfile(bytes)
    default:
      let text = isUnicode ? PictureText.decode(bytes) : PictureText.latin1(bytes)
      found.texts.append(PictureText(keyword: keyword, text: text))
    }
  }

  /// A block in ImageMagick's older encoding: a name, the size, and lines of hexadecimal digits.
  private static func rawProfile(_ text: [UInt8]) -> [UInt8]? {
    let lines = text.split(whereSeparator: { $0 == 0x0a || $0 == 0x20 || $0 == 0x0d })
    guard lines.count >= 3, let count = Int(String(decoding: lines[1], as: UTF8.self)) else {
      return nil
    }
    let digits = lines[2...].joined().compactMap { hexadecimal[Int($0)] }
    guard count > 0, digits.count == 2 * count else { return nil }
    return (0..<count).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] }
  }
}

/// The value of a hexadecimal digit by its ASCII code.
private let hexadecimal: [UInt8?] = (0..<256).map { code in
  UInt8(String(UnicodeScalar(UInt8(code))), radix: 16)
}

/// The colours of a PNG file without a profile and code points.
private struct Calibration {
  var isStandard = false
  var gamma: Double?
  var chromaticities: Chromaticities?

  /// Adds an equivalent profile. Files that state sRGB's values, or some of them, are displayed as
  /// sRGB.
  func complete(_ found: inout FileContents) {
    guard found.cicp == nil, found.iccProfile == nil, !isStandard else { return }
    guard gamma != nil || chromaticities != nil else { return }
    let colors = chromaticities ?? .bt709
    let isUsual = gamma.map { abs($0 - 2.2) < 0.01 } ?? true
    guard !isUsual || !colors.isClose(to: .bt709) else { return }
    // Viewers take 1/2.2 for sRGB's curve only if the primaries are sRGB's as well.
    found.calibration = (colors, gamma.map { .gamma($0) } ?? .sRGB)
  }
}
