/// The figures as comma-separated values (RFC 4180), a row for each picture and method.
struct ReportCSV {
  let report: EvaluationReport

  var text: String {
    let metrics = report.settings.metrics
    let head =
      ["set", "file", "damage", "level", "seed", "width", "height", "method"]
      + metrics.map(\.rawValue) + ["seconds"]
    var lines = [line(head)]
    for picture in report.pictures {
      for method in report.methods {
        guard let scores = picture.scores[method] else { continue }
        let key: [String] = [
          picture.set ?? "", picture.file, picture.degradation?.kind ?? "",
          picture.degradation.map { "\($0.level)" } ?? "", picture.seed.map { "\($0)" } ?? "",
          "\(picture.width)", "\(picture.height)", method,
        ]
        let figures = metrics.map { metric in scores[metric].map { "\($0)" } ?? "" }
        lines.append(line(key + figures + [picture.seconds[method].map { "\($0)" } ?? ""]))
      }
    }
    return lines.joined()
  }

  private func line(_ cells: [String]) -> String {
    cells.map(quoted).joined(separator: ",") + "\r\n"
  }

  private func quoted(_ cell: String) -> String {
    // A line feed after a carriage return is one character, so characters are compared by scalars.
    guard cell.unicodeScalars.contains(where: { ",\"\r\n".unicodeScalars.contains($0) }) else {
      return cell
    }
    return "\"" + cell.replacing("\"", with: "\"\"") + "\""
  }
}
