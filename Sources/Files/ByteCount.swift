/// A number of bytes as a user writes it: 6G, 6GB, 1.5g, 900M, 500k, 512KiB, 123456.
public struct ByteCount: Equatable, Sendable {
  public let bytes: Int

  /// - Returns: nil where the text is no such number, or one below 1 or of 10¹⁸ and more.
  public init?(_ number: String) {
    let units: [(Character, power: Int)] = [("K", 1), ("M", 2), ("G", 3), ("T", 4)]
    var text = number.uppercased()
    var base = 1000.0
    if text.hasSuffix("IB") {
      text.removeLast(2)
      base = 1024
      guard units.contains(where: { text.last == $0.0 }) else { return nil }
    } else if text.hasSuffix("B") {
      text.removeLast()
    }
    var factor = 1.0
    if let unit = units.first(where: { text.last == $0.0 }) {
      text.removeLast()
      for _ in 0..<unit.power { factor *= base }
    }
    guard let number = Double(text), number * factor >= 1, number * factor < 1e18 else {
      return nil
    }
    bytes = Int(number * factor)
  }
}
