import Foundation
import Imaging
import Pages

/// The source of a report's pictures: returns the picture of a method, of `EvaluationReport.input`
/// or of `.reference`; nil where there is none. All but the input have the size that the report
/// gives.
public typealias PanelSource = (EvaluationReport.Picture, String) throws -> Image?

/// Centre crops of pictures side by side, the worst pictures first.
struct CropGrid {
  /// The side of a crop in pixels of the restored pictures.
  static let side = 192
  /// The number of worst pictures that are shown first.
  static let worstCount = 10

  let report: EvaluationReport
  let source: PanelSource
  /// The largest number of pictures shown.
  let limit: Int

  /// The method whose worst pictures come first.
  var judged: String? { report.restoringMethods.first ?? report.methods.first }

  /// The indices of the worst pictures of that method, the worst first.
  var worst: [Int] {
    let score = QualityScore.allCases.reversed().first { score in
      report.pictures.contains { quality($0, score) != nil }
    }
    guard let score else { return [] }
    return report.pictures.indices.compactMap { index in
      quality(report.pictures[index], score).map { (index: index, quality: $0) }
    }.sorted { $0.quality < $1.quality }.prefix(min(Self.worstCount, limit)).map(\.index)
  }

  /// The pictures to show: the worst ones, then others in their order.
  var pictures: [EvaluationReport.Picture] {
    let worst = worst
    let others = report.pictures.indices.filter { !worst.contains($0) }
    return (worst + others).prefix(limit).map { report.pictures[$0] }
  }

  private func quality(_ picture: EvaluationReport.Picture, _ score: QualityScore) -> Double? {
    judged.flatMap { picture.scores[$0] }.flatMap { score($0, report.settings.metrics) }
  }

  /// The names of a picture's panels in their order.
  private var panels: [String] {
    [EvaluationReport.input] + report.methods.filter { $0 != EvaluationReport.reference }
      + [EvaluationReport.reference]
  }

  /// The rows of the grid.
  func html() throws -> String {
    try pictures.map(row).joined()
  }

  private func row(_ picture: EvaluationReport.Picture) throws -> String {
    var title = [picture.set.map { "\($0): " } ?? "", picture.file].joined()
    if let degradation = picture.degradation {
      title += ", \(degradation.kind) \(degradation.level)"
    }
    let cells = try panels.compactMap { name -> String? in
      guard let image = try source(picture, name).flatMap({ crop($0, of: picture) }) else {
        return nil
      }
      let data = try image.encoded(.webp, EncodingOptions(quality: 85)).base64EncodedString()
      let label = HTML.escaped(name)
      return "<figure><img loading=\"lazy\" width=\"\(Self.side)\" src=\"data:image/webp;base64,"
        + "\(data)\" alt=\"\(label)\"/><figcaption>\(label)<br/><small>"
        + "\(figures(picture.scores[name]))</small></figcaption></figure>"
    }
    guard !cells.isEmpty else { return "" }
    return "<h4>\(HTML.escaped(title))</h4>\n<div class=\"crops\">\n"
      + cells.joined(separator: "\n") + "\n</div>\n"
  }

  /// The centre of a restored picture, or the same part of the input with enlarged pixels.
  private func crop(_ image: Image, of picture: EvaluationReport.Picture) -> Image? {
    let scale = picture.width / image.width
    guard scale >= 1, picture.width == image.width * scale, picture.height == image.height * scale
    else { return nil }
    let unit = picture.inputWidth.map { max(1, picture.width / max(1, $0)) } ?? 1
    let part = PixelRect(width: picture.width, height: picture.height)
      .centre(width: Self.side, height: Self.side, unit: unit)
    let own = part.divided(by: scale)
    guard !own.isEmpty, image.rect.contains(own) else { return nil }
    return image.cropped(to: own).rgb.repeated(scale)
  }

  /// The two most telling figures.
  private func figures(_ scores: Scores?) -> String {
    let telling: [Metric] = [.psnrY, .lpipsAlex, .niqe, .brisque]
    return telling.compactMap { metric in
      scores?[metric].map { "\(metric.title) \(metric.text($0))" }
    }.prefix(2).joined(separator: ", ")
  }
}
