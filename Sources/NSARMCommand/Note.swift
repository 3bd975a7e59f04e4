import Terminal

/// Writes a line on standard error.
func note(_ text: String) { StandardError.write("\(text)\n") }

/// "1 picture", "3 pictures".
func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}
