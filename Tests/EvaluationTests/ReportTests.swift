import Foundation
import Imaging
import Pages
import Testing

@testable import Evaluation

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct ReportTests {
  private static let hostile = "<script>alert(\"x\")</script> & 'y'"

  /// Two sets; names that would break a page or a table; a picture without the second method.
  private func report() throws -> EvaluationReport {
    var report = try EvaluationReport.made(
      ["bicubic", Self.hostile, "b"], [.psnrY, .lpipsAlex],
      (0..<50).map { index in
        let value = Double(index)
        return [
          "bicubic": [.psnrY: 20 + value / 50, .lpipsAlex: 0.5],
          Self.hostile: [.psnrY: .infinity, .lpipsAlex: abs(value - 30) / 100],
          "b": index == 0 ? [:] : [.psnrY: 22, .lpipsAlex: 0.4],
        ]
      })
    report.notes = [Self.hostile: Self.hostile]
    report.unavailable = [.init(title: Self.hostile, reason: Self.hostile)]
    report.pictures[0].file = Self.hostile
    report.pictures[0].seconds["b"] = 1.5
    for level in 0..<5 {
      report.pictures[level].degradation = .init(kind: Self.hostile, level: level)
    }
    return report
  }

  private func page(_ report: EvaluationReport, _ source: @escaping PanelSource) throws -> String {
    try ReportPage(report: report, source: source).html()
  }

  @Test func jsonRoundTrip() throws {
    let report = try report()
    let copy = try EvaluationReport(json: try report.json())
    #expect(try copy.json() == report.json())
    #expect(copy.settings == report.settings && copy.methods == report.methods)
    #expect(copy.pictures[7].scores[Self.hostile]?[.psnrY] == .infinity)
    let object = try JSONSerialization.jsonObject(with: report.json()) as! [String: Any]
    #expect((object["statistics"] as? [Any])?.count == 1)
    #expect(throws: DecodingError.self) {
      try EvaluationReport(json: Data("{\"version\": 0}".utf8))
    }
  }

  @Test func csvQuotesCells() throws {
    var report = try report()
    report.pictures = Array(report.pictures.prefix(1))
    report.pictures[0].file = "a, \"b\"\r\nc"
    let text = ReportCSV(report: report).text
    #expect(text.hasPrefix("set,file,damage,level,seed,width,height,method,psnr_y,lpips_alex,"))
    #expect(text.contains("\"a, \"\"b\"\"\r\nc\""))
    #expect(text.contains("64,48,bicubic,20.0,0.5,\r\n"))
    #expect(text.hasSuffix("64,48,b,,,1.5\r\n"))
  }

  @Test func pageIsWellFormedAndNeedsNoOtherFile() throws {
    let report = try report()
    let html = try page(report) { picture, name in waves(picture.width, picture.height) }
    let parser = XMLParser(data: Data(html.utf8))
    #expect(
      parser.parse(), "\(parser.parserError.map { "\($0)" } ?? "") in line \(parser.lineNumber)")
    #expect(html.hasPrefix("<!DOCTYPE html>"))
    for outside in ["<script", "<link", "http", "url(", "@import"] {
      #expect(!html.contains(outside), "\(outside)")
    }
    let sources = html.matches(of: #/src="([^"]{0,40})/#).map { String($0.1) }
    #expect(!sources.isEmpty && sources.allSatisfy { $0.hasPrefix("data:image/webp;base64,") })
    #expect(html.contains("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39;"))
    #expect(html.contains("prefers-color-scheme: dark"))
    #expect(html.contains("<svg"))
  }

  @Test func worstPicturesComeFirst() throws {
    let report = try report()
    let grid = CropGrid(report: report, source: { _, _ in nil }, limit: 40)
    let names = grid.pictures.map(\.file)
    // Picture i of the judged method has LPIPS |i − 30| / 100.
    #expect(names[0] == Self.hostile)
    #expect(names[1..<10].elementsEqual((1..<10).map { "picture \($0)" }))
    #expect(names.count == 40 && Set(names).count == 40)
  }

  /// A crop shows the same part of all panels, also where the input is four times smaller.
  @Test func cropsAreTheMiddle() throws {
    var report = try EvaluationReport.made(["a"], [.psnrY], [["a": [.psnrY: 20]]])
    report.pictures[0].width = 400
    report.pictures[0].height = 240
    report.pictures[0].inputWidth = 100
    report.pictures[0].inputHeight = 60
    var asked: [String] = []
    let html = try page(report) { _, name in
      asked.append(name)
      switch name {
      case "input": return waves(100, 60)
      case "a": return waves(400, 240)
      default: return nil
      }
    }
    #expect(asked == ["input", "a", "reference"])
    #expect(html.matches(of: #/<img /#).count == 2)
  }

  @Test func tableForTheTerminal() throws {
    let report = try EvaluationReport.made(
      ["bicubic", "mine"], [.psnrY, .niqe],
      [
        ["bicubic": [.psnrY: 20, .niqe: 6], "mine": [.psnrY: 22]],
        ["bicubic": [.psnrY: 24, .niqe: 8], "mine": [.psnrY: 26]],
      ])
    let lines = report.table.split(separator: "\n").map(String.init)
    #expect(lines[0].split(separator: " ") == ["bicubic", "mine"])
    #expect(lines[1] == "PSNR-Y ↑       22.00 (8)  24.00 (8)")
    // NIQE alone makes a natural score: 0.4 and 0.2 of bicubic, whose average is 0.3.
    #expect(lines[3] == "d/p/c natural  1/1/1      -")
    #expect(lines[2] == "NIQE ↓         7.00 (2)   -")
  }

  @Test(
    arguments: [[0, 0], [1, 1 + 1e-15], [1e6, 1e6 + 1e-3], [-3, 7], [0.001, 0.0017]] as [[Double]])
  func axesHaveTicksWithinTheirEnds(_ values: [Double]) {
    let axis = Axis(values, from: 200, to: 20, endsAtTicks: true)
    #expect((2...8).contains(axis.ticks.count))
    for value in values { #expect((20...200).contains(axis(value))) }
    #expect(Set(axis.ticks.map(axis.label)).count == axis.ticks.count)
  }

  @Test func infinitePointsAreLeftOut() {
    func plot(_ values: [Double]) -> String? {
      LinePlot(
        title: "t", xLabel: "x",
        lines: [.init(name: "a", style: "m0", points: values.map { (1, $0) })]
      ).svg
    }
    #expect(plot([.infinity, .nan]) == nil)
    #expect(plot([.infinity, 3])?.contains("nan") == false)
  }
}
