import Foundation
import Imaging
import TestSupport
import Testing

/// `nsarm evaluate` and `nsarm compare`.
@Suite(.serialized, .ownThreads) struct EvaluateTests {
  private let scratch = try! ScratchFolder()

  private func evaluate(_ options: String...) throws -> Command.Result {
    try Command.run(
      ["evaluate", "--restored", scratch("mine"), "-o", scratch("report"), "--threads", "1"]
        + options)
  }

  private func report() throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: scratch("report/report.json")))
    let document = try JSONSerialization.jsonObject(with: data) as! [String: Any]
    return document["report"] as! [String: Any]
  }

  @Test func twoPicturesFromEndToEnd() throws {
    for name in ["a", "b"] {
      let image = scene(name == "a" ? 96 : 112, 80)
      let low = image.resized(toWidth: image.width / 4, height: 20, .area)
      try scratch.write(image, "hr/\(name).png")
      try scratch.write(low, "lr/\(name).png")
      try scratch.write(low.resized(toWidth: image.width, height: 80, .lanczos), "mine/\(name).jpg")
    }
    let options = ["--reference", scratch("hr"), "--input", scratch("lr")]
    let first = try evaluate(options[0], options[1], options[2], options[3])
    #expect(first.status == 0, "\(first.errors)")
    #expect(first.output.contains("PSNR-Y") && first.output.contains("2 pictures"))
    #expect(first.errors.contains("MUSIQ"))
    let files = scratch.contents.filter { $0.hasPrefix("report/") }
    #expect(files == ["report/index.html", "report/report.csv", "report/report.json"])
    let pictures = try report()["pictures"] as! [[String: Any]]
    #expect(pictures.map { $0["file"] as! String } == ["a", "b"])
    let scores = pictures[0]["scores"] as! [String: [String: Double]]
    #expect(scores["restored"]!["psnr_y"]! > 10 && scores["bicubic"]!["ssim_y"]! > 0.1)
    let html = try String(contentsOfFile: scratch("report/index.html"), encoding: .utf8)
    #expect(html.matches(of: #/<img /#).count == 8)

    // Resumed with one file that is gone.
    unlink(scratch("mine/b.jpg"))
    let second = try evaluate(options[0], options[1], options[2], options[3])
    #expect(second.status == 1 && second.errors.contains("mine: no picture named b"))
    #expect(second.output.contains("1 picture;"))
    let other = try evaluate(options[0], options[1], "--border", "4")
    #expect(other.status == 1 && other.errors.contains("border 0, now 4"), "\(other.errors)")
    let fresh = try evaluate(options[0], options[1], "--border", "4", "--limit", "1", "--overwrite")
    #expect(fresh.status == 0, "\(fresh.errors)")
  }

  @Test func mistakesAreNamed() throws {
    try scratch.write(scene(48, 48), "mine/a.png")
    for (options, message) in [
      (["--method", "x"], "'x' is not NAME=FOLDER"),
      (["--method", "bicubic=\(scratch("mine"))"], "'bicubic'"),
      (["--crop", "4"], "--crop has to be"), (["--limit", "0"], "--limit has to be"),
      (["--border", "-1"], "--border"), (["--reference", scratch("none")], "none: no such folder"),
      (["-o", scratch("mine"), "--reference", scratch("mine")], "holds no report"),
    ] {
      let result = try Command.run(
        ["evaluate", "--restored", scratch("mine"), "-o", scratch("report")] + options)
      #expect(result.status != 0 && result.errors.contains(message), "\(options): \(result.errors)")
    }
    let nothing = try Command.run(["evaluate", "-o", scratch("report")])
    #expect(nothing.status == 64 && nothing.errors.contains("--restored"))
    // Without references and weights there is nothing to compute.
    let weights = try Command.run(
      ["evaluate", "--restored", scratch("mine"), "-o", scratch("report")],
      environment: ["NSARM_METRIC_WEIGHTS": scratch("mine")])
    #expect(weights.status == 1 && weights.errors.contains("scripts/metric-weights"))
  }

  @Test func comparesPictures() throws {
    try scratch.write(scene(30, 20), "small.png")
    try scratch.write(scene(120, 80), "large.png")
    let arguments = ["compare", scratch("small.png"), scratch("large.png"), "-o", scratch("c.jpg")]
    let result = try Command.run(arguments + ["--label", "bicubic"])
    #expect(result.status == 0, "\(result.errors)")
    let sheet = try ImageFile.read(scratch("c.jpg"))
    #expect(sheet.width == 2 * 120 + 8 && sheet.height > 80)
    #expect(try Command.run(arguments).errors.contains("exists already"))
    let part = try Command.run(arguments + ["--overwrite", "--crop", "40x30+80+50"])
    #expect(part.status == 0, "\(part.errors)")
    #expect(try ImageFile.read(scratch("c.jpg")).width == 2 * 40 + 8)
    try scratch.write(scene(80, 120), "tall.png")
    for (options, message) in [
      ([scratch("tall.png")], "another aspect ratio"), (["--crop", "40x30+81+50"], "lies outside"),
      (["--crop", "40x30+9223372036854775807+0"], "lies outside"),
      (["--crop", "40"], "--crop has to be"), (["--quality", "0"], "--quality"),
      (["--label", "a", "--label", "b", "--label", "c"], "more labels"),
    ] {
      let result = try Command.run(arguments + ["--overwrite"] + options)
      #expect(result.status != 0 && result.errors.contains(message), "\(options): \(result.errors)")
    }
  }
}
