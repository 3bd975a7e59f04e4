/// Helpers for HTML.
package enum HTML {
  /// Escapes text for a page or a quoted attribute.
  package static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      // Control characters are not allowed in a page.
      case "\u{0}"..<"\u{20}" where character != "\n" && character != "\t": result += "\u{FFFD}"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }

  /// A table; the first cell of each row heads it. Cells are HTML.
  package static func table(_ head: [String], _ rows: [[String]]) -> String {
    let head = head.map { "<th scope=\"col\">\($0)</th>" }.joined()
    let body = rows.map { row in
      "<tr><th scope=\"row\">\(row[0])</th>" + row.dropFirst().map { "<td>\($0)</td>" }.joined()
        + "</tr>"
    }
    return "<div class=\"scroll\"><table><thead><tr>\(head)</tr></thead><tbody>\n"
      + body.joined(separator: "\n") + "\n</tbody></table></div>\n"
  }
}
