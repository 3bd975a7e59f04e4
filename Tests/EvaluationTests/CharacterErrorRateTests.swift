import Files
import Foundation
import Imaging
import Testing

@testable import Evaluation

@Suite struct CharacterErrorRateTests {
  @Test func rates() {
    #expect(characterErrorRate("abcd", reference: "abcd") == 0)
    #expect(characterErrorRate("", reference: "abcd") == 1)
    #expect(characterErrorRate("abXd", reference: "abcd") == 0.25)
    #expect(characterErrorRate("abcdefghij", reference: "ab") == 4)
  }

  @Test func wordsOfATable() {
    let head = "level\tpage\tblock\tpar\tline\tword\tleft\ttop\twidth\theight\tconf\ttext\n"
    func row(_ confidence: String, _ text: String) -> String {
      "5\t1\t1\t1\t1\t1\t0\t0\t9\t9\t\(confidence)\t\(text)\n"
    }
    let table = head + row("96.4", "Open") + row("-1", "") + row("12", "~|") + row("60", "24")
    #expect(TextRecognition.words(table) == ["Open", "24"])
    #expect(TextRecognition.words("") == [])
  }

  @Test(.enabled(if: ChildProcess.find("tesseract") != nil, "tesseract-ocr is not installed"))
  func textIsReadAndItsLossSeen() throws {
    let text = "EXIT 24 STREET"
    var sheet = PanelSheet()
    // The label's letters of 5x7 pixels, enlarged fourfold to the size of print.
    sheet.add(white(220, 20), text)
    let page = sheet.image.bicubic(4)
    let recognition = try TextRecognition()
    let read = try recognition(page)
    #expect(characterErrorRate(read, reference: text) < 0.3, "\(read)")
    #expect(try recognition(white(200, 100)).isEmpty)

    let suite = try MetricSuite(weights: URL(fileURLWithPath: "/nowhere"))
    let reference = suite.reference(page)
    #expect(suite.scores(page, reference)[.characterErrorRate] == 0)
    #expect(suite.scores(white(page.width, page.height), reference)[.characterErrorRate] == 1)
    let blank = suite.reference(white(200, 100))
    #expect(suite.scores(white(200, 100), blank)[.characterErrorRate] == nil)
  }

  private func white(_ width: Int, _ height: Int) -> Image {
    Image(FloatImage(width: width, height: height, channels: 3, repeating: 1))
  }
}
