import Foundation

/// Reads the colour description of BMP files with a header of version 4 or 5.
enum BmpContainer {
  static func contents(_ source: FileBytes) -> FileContents {
    var found = FileContents()
    guard let size = source.read(14, 4).map({ Int(integer($0, littleEndian: true)) }), size >= 108,
      let header = source.read(14, min(size, 124))
    else { return found }
    let number = { (place: Int) in Int(integer(header[place..<place + 4], littleEndian: true)) }
    switch header[56..<60].reversed().map({ $0 }) {
    case Array("MBED".utf8) where header.count == 124:
      let count = number(116)
      if count <= FileContents.largestBlock {
        found.iccProfile = source.read(14 + number(112), count)
      }
    case Array("LINK".utf8): found.leaveOut("a profile in another file is")
    case [0, 0, 0, 0]:
      // Calibrated RGB: the primaries in CIE XYZ as 2.30 fixed-point numbers, and gammas as 16.16.
      func chromaticity(_ place: Int) -> (Double, Double)? {
        let xyz = (0..<3).map { Double(number(place + 4 * $0)) }
        let sum = xyz.reduce(0, +)
        return sum > 0 ? (xyz[0] / sum, xyz[1] / sum) : nil
      }
      let gamma = Double(number(96)) / 65536
      guard let red = chromaticity(60), let green = chromaticity(72), let blue = chromaticity(84),
        gamma > 0.1, gamma < 10
      else { break }
      let colors = Chromaticities(red: red, green: green, blue: blue)
      if abs(gamma - 2.2) > 0.01 || !colors.isClose(to: .bt709) {
        found.calibration = (colors, .gamma(gamma))
      }
    default: break  // sRGB, or the system's colour space
    }
    return found
  }
}
