/// How well text can still be read: the edit distance of a text from the reference's, divided by
/// the length of the latter. 0 for the same text, 1 where none is left, above 1 where much is read
/// that is not there.
///
/// - Parameter reference: not empty.
func characterErrorRate(_ text: String, reference: String) -> Double {
  precondition(!reference.isEmpty, "an empty reference")
  return Double(editDistance(text, reference)) / Double(reference.count)
}

/// The least number of characters to insert, remove or replace (Levenshtein, 1966).
func editDistance(_ a: String, _ b: String) -> Int {
  let b = Array(b)
  var row = Array(0...b.count)  // distances from the characters of a so far
  for (i, character) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let replaced = diagonal + (character == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, diagonal + 1, row[j] + 1)
    }
  }
  return row[b.count]
}
