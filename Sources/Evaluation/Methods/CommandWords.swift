/// Splits a command line into words by a shell's quoting rules. No other shell features are
/// supported: no variables, wildcards, pipes or redirections.
///
/// - Words end at white space; `'...'` takes everything literally, `"..."` everything but `\"` and
///   `\\`; outside of quotes a backslash takes the next character literally.
/// - Returns: the words; nil where a quote is not closed.
func commandWords(_ line: String) -> [String]? {
  var words: [String] = []
  var word: String?
  var quote: Character?
  var characters = Array(line)[...]
  while let character = characters.popFirst() {
    let isEscape =
      character == "\\" && quote != "'"
      && (quote == nil || characters.first == "\"" || characters.first == "\\")
    if isEscape {
      guard let next = characters.popFirst() else { return nil }
      word = (word ?? "") + String(next)
    } else if character == quote {
      quote = nil
    } else if quote == nil, character == "'" || character == "\"" {
      quote = character
      word = word ?? ""
    } else if quote == nil, character.isWhitespace {
      if let word { words.append(word) }
      word = nil
    } else {
      word = (word ?? "") + String(character)
    }
  }
  if let word { words.append(word) }
  return quote == nil ? words : nil
}
