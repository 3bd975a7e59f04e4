import Foundation
import Imaging
import TestSupport
import Testing

/// `nsarm upscale --explain`, and the options that it explains.
@Suite(.ownThreads) struct ExplainTests {
  private let folder = try! ScratchFolder()

  private func picture() throws -> String {
    var image = scene(20, 16)
    image.metadata.texts = [PictureText(text: "by the lake")]
    image.metadata.density = PixelDensity(horizontal: 300, vertical: 300)
    try image.write(to: folder("a.jpg"))
    return folder("a.jpg")
  }

  @Test func whatIsReadAndWritten() throws {
    let input = try picture()
    let before = folder.contents
    let arguments = ["upscale", input, "-o", folder("b.webp"), "--explain"]
    let text = try Command.run(arguments)
    #expect(text.status == 0 && text.errors == "", "\(text.errors)")
    for line in [
      "read from \(input)", "format                  JPEG", "size                    20x16",
      "samples                 RGB, 8 bit",
      #"metadata                texts ("Comment"), 300 pixels per inch"#,
      "written to \(folder("b.webp"))", "format                  WebP",
      #"WebP has no place for the texts "Comment"; they are left out"#,
    ] { #expect(text.output.contains(line), "\(line): \(text.output)") }
    let json = try Command.run(arguments + ["--json", "--metadata", "strip"])
    let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
    #expect((object?["warnings"] as? [String]) == [#"left out as asked: texts ("Comment")"#])
    #expect((object?["written"] as? [String: Any])?["width"] as? Int == 80)
    #expect(folder.contents == before)
  }

  @Test func whatCannotBeReadOrWrittenIsSaid() throws {
    let planes = FloatImage(width: 8, height: 8, channels: 4, repeating: 0.5)
    try Image(planes).write(to: folder("t.png"))
    let refused = try Command.run(["upscale", folder("t.png"), "-o", folder("t.jpg"), "--explain"])
    #expect(refused.status == 1 && refused.errors.contains("--background"))
    let filled = try Command.run(
      ["upscale", folder("t.png"), "-o", folder("t.jpg"), "--explain", "--background", "white"])
    #expect(filled.status == 0 && filled.output.contains("samples                 RGB, 8 bit"))
    for (option, value) in [("--background", "whitish"), ("--metadata", "some")] {
      let wrong = try Command.run(["upscale", folder("t.png"), option, value])
      #expect(wrong.status == 64 && wrong.errors.contains(value))
    }
    let both = try Command.run(["upscale", folder("t.png"), "--explain", "--dry-run"])
    #expect(both.status == 64 && both.errors.contains("cannot be combined"))
  }
}
