import Foundation
import TestSupport
import Testing

/// `nsarm bench` and `nsarm calibrate`.
@Suite(.serialized, .ownThreads) struct BenchTests {
  private let scratch = try! ScratchFolder()

  private func json(_ arguments: String...) throws -> [String: Any] {
    let result = try Command.run(
      ["bench", "--model", Command.model, "--time", "0.01", "--size", "40x30", "--json"] + arguments
    )
    #expect(result.status == 0, "\(result.errors)")
    return try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as! [String: Any]
  }

  @Test func everyPartIsMeasured() throws {
    let photos = scratch("photos")
    try FileManager.default.createDirectory(atPath: photos, withIntermediateDirectories: true)
    try scene(300, 300).write(to: photos + "/a.png")
    let report = try json("--precision", "float32", "--data", photos)
    let peak = (report["peak"] as! [String: Any])["best"] as! [String: Double]
    #expect(Set(peak.keys) == ["float32", "bfloat16", "int8"])
    func parts(_ section: String) -> [(name: String, operations: Double, fraction: Double)] {
      (report[section] as! [[String: Any]]).map {
        ($0["name"] as! String, $0["teraflop"] as! Double, $0["fraction_of_peak"] as! Double)
      }
    }
    let names = parts("inference").map(\.name)
    for name in ["encoder", "transformation network", "condition", "prefix", "scale 4", "decoder"] {
      #expect(names.contains { $0.contains(name) }, "\(name) in \(names)")
    }
    #expect(
      parts("training").map { String($0.name.prefix { $0 != "," }) }
        == ["tokenizer", "transformer", "stage1", "stage2", "decoder"])
    for part in parts("inference") + parts("training") {
      #expect(part.operations > 0 && part.fraction > 0, "\(part)")
    }
    #expect((report["whole"] as! [String: Any])["seconds"] as! Double > 0)
    #expect(report["samples_per_second"] as! Double > 0)
  }

  /// Matrices need none; kernels are in 8 bits with one.
  @Test func int8WithAndWithoutACalibration() throws {
    let model = scratch("tiny")
    try FileManager.default.copyItem(atPath: Command.model, toPath: model)
    try scene(48, 40).write(to: scratch("a.png"))
    let without = try Command.upscale(
      scratch("a.png"), "-o", scratch("without.png"), "--precision", "int8", model: model)
    #expect(without.status == 0, "\(without.errors)")

    let calibration = try Command.run(["calibrate", model, scratch("a.png"), "--threads", "1"])
    #expect(calibration.status == 0, "\(calibration.errors)")
    #expect(calibration.output.contains("seen in 1 picture"))
    let done = try Command.upscale(
      scratch("a.png"), "-o", scratch("b.png"), "--precision", "int8", "--json", model: model)
    #expect(done.status == 0 && done.output.contains("\"precision\":\"int8\""), "\(done.errors)")
    let empty = try Command.run(["calibrate", model, scratch("nothing")])
    #expect(empty.status != 0 && empty.errors.contains("no such file"))
  }

  /// A model of ours in fewer bits restores nearly what the original does, and says where it is
  /// from.
  @Test func modelsInFewerBits() throws {
    func agreement(_ format: String) throws -> (equalBits: Double, psnr: Double) {
      let made = scratch(format)
      let result = try Command.run(["convert", Command.model, "--quantize", format, "-o", made])
      #expect(result.status == 0, "\(result.errors)")
      let info = try Command.run(["info", made])
      #expect(info.output.contains("converted") && info.output.contains("source model.safetensors"))
      let bench = try Command.run([
        "bench", "--model", made, "--original", Command.model, "--only", "agreement", "--time",
        "0.01", "--json",
      ])
      #expect(bench.status == 0, "\(bench.errors)")
      let report = try JSONSerialization.jsonObject(with: Data(bench.output.utf8)) as! [String: Any]
      let agreement = report["agreement"] as! [String: Any]
      let scales = agreement["scales"] as! [[String: Any]]
      #expect(!scales.isEmpty)
      return (
        scales.map { $0["equal_bits"] as! Double }.min()!,
        agreement["psnr"] as? Double ?? .infinity  // "inf" for equal pictures
      )
    }
    let (eight, four) = (try agreement("int8"), try agreement("int4"))
    #expect(eight.equalBits > 0.9 && eight.equalBits > four.equalBits && four.equalBits > 0.6)
    #expect(eight.psnr >= four.psnr, "\(eight) and \(four)")
    let again = try Command.run(["convert", scratch("int8"), "-o", scratch("again")])
    #expect(again.status == 1 && again.errors.contains("is stored in 8 bits or less already"))
    let other = try Command.run([
      "bench", "--model", scratch("int8"), "--original", Command.shippedModel, "--only",
      "agreement",
    ])
    #expect(other.status == 1 && other.errors.contains("is another model than"))
    let noTokenizer = try Command.run(
      ["convert", scratch("a.pth"), scratch("b.pth"), "-o", scratch("again")])
    #expect(noTokenizer.status != 0 && noTokenizer.errors.contains("--vae is missing"))
  }

  @Test func mistakesAreNamed() throws {
    for (options, message) in [
      (["--size", "12"], "--size is WIDTHxHEIGHT"), (["--time", "0"], "--time has to be"),
      (["--only", "everything"], "peak"), (["--operators", "-1"], "--operators"),
    ] {
      let result = try Command.run(["bench"] + options)
      #expect(result.status != 0 && result.errors.contains(message), "\(options): \(result.errors)")
    }
  }
}
