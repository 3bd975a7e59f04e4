import Foundation
import Imaging
import TestSupport
import Testing

/// `nsarm benchmark`.
@Suite(.serialized, .ownThreads) struct BenchmarkTests {
  private let scratch = try! ScratchFolder()

  private func benchmark(_ text: String, _ options: String...) throws -> Command.Result {
    let sets = try scratch.write("sets.yaml", Array(text.utf8))
    return try Command.run(
      ["benchmark", sets, "--model", Command.model, "-o", scratch("report"), "--threads", "1"]
        + options)
  }

  private static let hasVips = ["/usr/bin", "/usr/local/bin"].contains {
    FileManager.default.isExecutableFile(atPath: "\($0)/vips")
  }

  @Test(.enabled(if: hasVips, "libvips-tools is not installed"))
  func setsModelVariantsAndPeer() throws {
    let original = scene(128, 128)
    try scratch.write(original, "photos/a.png")
    try scratch.write(scene(92, 80), "RealSR/Canon/Test/4/Canon_001_HR.png")
    try scratch.write(
      scene(92, 80).resized(toWidth: 23, height: 20, .area),
      "RealSR/Canon/Test/4/Canon_001_LR4.png")
    let sets = """
      sets:
        - {name: photos, folder: photos, damage: full, seeds: [1, 11]}
        - {name: realsr, folder: RealSR}
      """
    let peer = "zoom=sh -c 'vips zoom \"$0\" \"$1\" 4 4' {input} {output}"
    let first = try benchmark(sets, "--peer", peer, "--variants", "restored,no-code")
    // The pair's sides are no whole number of codes, which the variant needs.
    #expect(first.status == 1, "\(first.errors)")
    #expect(first.errors.contains("tiny no-code is left out of the rest of realsr"))
    #expect(first.output.contains("2 pictures") && first.output.contains("tiny no-code"))
    let kept = scratch.contents.filter { $0.hasPrefix("report/pictures/") }
    #expect(kept.contains("report/pictures/tiny/photos/a-seed11.png"))
    #expect(kept.contains("report/pictures/zoom/realsr/Canon_001.png"))
    let data = try Data(contentsOf: URL(fileURLWithPath: scratch("report/report.json")))
    let document = try JSONSerialization.jsonObject(with: data) as! [String: Any]
    let report = document["report"] as! [String: Any]
    let methods = ["bicubic", "lanczos", "tiny", "tiny no-code", "zoom", "reference"]
    #expect(report["methods"] as! [String] == methods)
    let pictures = report["pictures"] as! [[String: Any]]
    #expect(pictures.map { $0["file"] as! String } == ["a-seed1", "a-seed11", "Canon_001"])
    for picture in pictures {
      let scores = picture["scores"] as! [String: [String: Double]]
      for method in ["bicubic", "lanczos", "tiny", "zoom"] {
        #expect(scores[method]!["psnr_y"]! > 5)
      }
    }

    // Nothing is restored again.
    let lines = try Data(contentsOf: URL(fileURLWithPath: scratch("report/results.jsonl"))).count
    let second = try benchmark(sets, "--peer", peer)
    #expect(second.status == 0 && !second.output.contains("no-code"), "\(second.errors)")
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: scratch("report/results.jsonl"))).count == lines)
    let border = try benchmark("border: 2\n" + sets)
    #expect(border.status == 1 && border.errors.contains("border 0, now 2"), "\(border.errors)")
  }

  @Test func mistakesAreNamed() throws {
    try scratch.write(scene(64, 64), "photos/a.png")
    let set = "sets: [{name: s, folder: photos, damage: light}]"
    for (text, options, message) in [
      (set, ["--variants", "best"], "unknown 'best'"), (set, ["--peer", "x"], "NAME=COMMAND"),
      (set, ["--peer", "x=cp {input}"], "{output}"), (set, ["--method", "x"], "NAME=FOLDER"),
      (set, ["--peer", "lanczos=cp {input} {output}"], "is taken"),
      (set, ["--model", "no/such/model"], "no such model"),
      ("sets: [{name: s, folder: nowhere}]", [], "nowhere: no such folder"),
      ("sets: [{name: s, folder: photos, seed: 1}]", [], "unknown key 'sets.0.seed'"),
      ("", [], "holds no keys"),
    ] {
      let sets = try scratch.write("sets.yaml", Array(text.utf8))
      let result = try Command.run(
        ["benchmark", sets, "--model", Command.model, "-o", scratch("report")] + options)
      #expect(result.status != 0 && result.errors.contains(message), "\(result.errors)")
    }
    let missing = try Command.run(["benchmark", scratch("none.yaml"), "-o", scratch("report")])
    #expect(missing.status != 0 && missing.errors.contains("none.yaml: no such file"))
    try scratch.write(scene(8, 8), "full/other.png")
    let taken = try Command.run([
      "benchmark", try scratch.write("sets.yaml", Array(set.utf8)), "--no-model", "-o",
      scratch("full"),
    ])
    #expect(taken.status != 0 && taken.errors.contains("holds no report"))
  }
}
