import Foundation
import Torch

/// Damages files as disks, editors and attackers do, deterministically by seed.
public struct Mutator {
  private var random: RandomStream

  public init(seed: UInt64) { random = RandomStream(seed) }

  /// The number of mutants in a test, multiplied by `NSARM_FUZZ` if it is set.
  public static func count(_ standard: Int) -> Int {
    standard * (ProcessInfo.processInfo.environment["NSARM_FUZZ"].flatMap(Int.init) ?? 1)
  }

  /// Values that have broken readers.
  private static let hostile = [
    "-1", "0", "1", "2", "3", "5", "16", "1e9", "1000000000", "2147483648", "8589934592",
    "9223372036854775807", "-9223372036854775808", "18446744073709551616", "1e300", "-1e300",
    "1e-300", "0.5", "-0.0", ".inf", ".nan", "NaN", "null", "~", "true", "\"x\"", "[]", "{}", "[0]",
    "[1, 1]", "{\"a\": 1}",
  ]

  /// A text with one or two changes: numbers become extreme ones; parts vanish, are repeated or
  /// change.
  public mutating func mutant(of text: String) -> String {
    var bytes = Array(text.utf8)
    for _ in 0..<Int.random(in: 1...2, using: &random) {
      switch Int.random(in: 0..<8, using: &random) {
      case 0..<5: replaceNumber(&bytes)
      case 5: replaceWord(&bytes)
      default: bytes = mutant(of: bytes, in: 0..<bytes.count)
      }
      if bytes.isEmpty { break }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Bytes with one to four changes in a range.
  public mutating func mutant(of bytes: [UInt8], in range: Range<Int>) -> [UInt8] {
    var bytes = bytes
    var end = range.upperBound
    for _ in 0..<Int.random(in: 1...4, using: &random) where end > range.lowerBound {
      let at = Int.random(in: range.lowerBound..<end, using: &random)
      let part = at..<min(at + Int.random(in: 1...9, using: &random), end)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: bytes[at] = UInt8.random(in: 0x20..<0x7f, using: &random)
      case 3: bytes[at] = UInt8(ascii: "0") + UInt8.random(in: 0..<10, using: &random)
      case 4:
        bytes.removeSubrange(part)
        end -= part.count
      default:
        bytes.insert(contentsOf: bytes[part], at: at)
        end += part.count
      }
    }
    return bytes
  }

  private mutating func replaceNumber(_ bytes: inout [UInt8]) {
    guard let place = run(in: bytes, { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") })
    else {
      return
    }
    bytes.replaceSubrange(place, with: Self.hostile.randomElement(using: &random)!.utf8)
  }

  private mutating func replaceWord(_ bytes: inout [UInt8]) {
    func isLetter(_ byte: UInt8) -> Bool {
      (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }
    guard let from = run(in: bytes, isLetter), let to = run(in: bytes, isLetter) else { return }
    bytes.replaceSubrange(to, with: Array(bytes[from]))
  }

  /// One of the longest runs of bytes of a kind.
  private mutating func run(in bytes: [UInt8], _ isMember: (UInt8) -> Bool) -> Range<Int>? {
    guard !bytes.isEmpty else { return nil }
    let start = Int.random(in: 0..<bytes.count, using: &random)
    guard
      let first = bytes[start...].firstIndex(where: isMember) ?? bytes.firstIndex(where: isMember)
    else { return nil }
    let end = bytes[first...].firstIndex { !isMember($0) } ?? bytes.count
    return first..<end
  }
}
