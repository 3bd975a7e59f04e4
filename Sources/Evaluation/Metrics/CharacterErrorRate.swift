import Settings

/// The character error rate: the edit distance between a text and the reference, divided by the
/// length of the reference. 0 for the same text, 1 for an empty one, above 1 where many characters
/// are inserted.
///
/// - Parameter reference: the expected text; not empty.
func characterErrorRate(_ text: String, reference: String) -> Double {
  precondition(!reference.isEmpty, "an empty reference")
  return Double(editDistance(text, reference)) / Double(reference.count)
}
