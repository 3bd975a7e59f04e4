import Foundation
import Terminal

/// Writes a line on standard error.
func note(_ text: String) { StandardError.write("\(text)\n") }

/// "1 picture", "3 pictures".
func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}

/// 12345678 → "12 345 678".
func grouped(_ number: Int) -> String {
  let digits = Array(String(number))
  return String(
    digits.enumerated().flatMap { i, digit in
      i > 0 && (digits.count - i) % 3 == 0 ? [" ", digit] : [digit]
    })
}

/// A line of a summary: the name of a thing, and what it is in a column of its own.
func labelled(_ name: String, _ value: String) -> String {
  let width = max(24, name.count + 1)
  return "  " + name.padding(toLength: width, withPad: " ", startingAt: 0) + value
}
