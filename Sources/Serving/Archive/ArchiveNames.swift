import Foundation

/// File names for an archive that every system can unpack and that stay inside the folder where it
/// is unpacked: no separators, no device names, no two names that differ only in case.
struct ArchiveNames {
  private var taken: Set<String> = []

  private static let fallback = "picture"
  private static let longest = 200

  /// A name that no earlier file has, as close to `wanted` as possible.
  mutating func name(_ wanted: String) -> String {
    let name = Self.safe(wanted)
    if claim(name) { return name }
    let (stem, suffix) = Self.split(name)
    var number = 2
    while !claim("\(stem) (\(number))\(suffix)") { number += 1 }
    return "\(stem) (\(number))\(suffix)"
  }

  /// Reserves the name; false if it is taken.
  private mutating func claim(_ name: String) -> Bool {
    taken.insert(name.precomposedStringWithCompatibilityMapping.lowercased()).inserted
  }

  private static func safe(_ name: String) -> String {
    let scalars = name.unicodeScalars.map { scalar -> Unicode.Scalar in
      let isSeen =
        ![.control, .format, .surrogate, .lineSeparator, .paragraphSeparator]
        .contains(scalar.properties.generalCategory)
      return isSeen && !"/\\:*?\"<>|".unicodeScalars.contains(scalar) ? scalar : "_"
    }
    var text = String(String.UnicodeScalarView(scalars))
      .trimmingCharacters(in: .whitespaces)
    while text.hasSuffix(".") || text.hasSuffix(" ") { text.removeLast() }
    // Hidden files and the folders "." and "..".
    while text.hasPrefix(".") { text.removeFirst() }
    if text.isEmpty { text = fallback }
    var (stem, suffix) = split(text)
    while stem.utf8.count + suffix.utf8.count > longest, !stem.isEmpty { stem.removeLast() }
    if stem.isEmpty { (stem, suffix) = (fallback, "") }
    return isDevice(stem) ? "_\(stem)\(suffix)" : stem + suffix
  }

  /// Whether Windows reserves the name for a device, whatever follows the first dot.
  private static func isDevice(_ name: String) -> Bool {
    let word = name.prefix { $0 != "." }.trimmingCharacters(in: .whitespaces).uppercased()
    if ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(word) { return true }
    guard word.count == 4, let last = word.last else { return false }
    return ["COM", "LPT"].contains(word.dropLast()) && "0123456789¹²³".contains(last)
  }

  private static func split(_ name: String) -> (stem: String, suffix: String) {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex,
      name[dot...].utf8.count <= 20
    else { return (name, "") }
    return (String(name[..<dot]), String(name[dot...]))
  }
}
