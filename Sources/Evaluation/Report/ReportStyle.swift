import Pages

/// The classes of the style sheet for the lines of a report.
enum ReportStyle {
  /// The classes of a method's lines.
  static func style(of method: String, in report: EvaluationReport) -> String {
    switch method {
    case EvaluationReport.baseline: return "baseline"
    case EvaluationReport.lanczos: return "baseline dashed"
    case EvaluationReport.reference: return "reference dashed"
    default:
      let index = report.restoringMethods.firstIndex(of: method) ?? 0
      return PageStyle.line(index)
    }
  }
}
