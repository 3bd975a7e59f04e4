import Foundation
import TestSupport
import Testing

@testable import Training

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct CurveTests {
  @Test func longCurvesKeepTheirMeansAndExtremes() {
    var curve = Curve()
    for step in 1...10_000 { curve.add(step, step == 7_777 ? -5 : Double(step % 2)) }
    #expect((Curve.limit / 2...Curve.limit).contains(curve.buckets.count))
    #expect(curve.buckets.reduce(0) { $0 + $1.count } == 10_000)
    #expect(curve.buckets.map(\.low).min() == -5 && curve.buckets.map(\.high).max() == 1)
    #expect(curve.last! == (10_000, 0))
    let steps = curve.buckets.map(\.step)
    #expect(zip(steps, steps.dropFirst()).allSatisfy { $0 < $1 })
    // Means of halves are smooth; the extremes are in the band.
    #expect(curve.line.allSatisfy { abs($0.y - 0.5) < 0.2 })
    #expect(curve.band.map(\.low).min() == -5)
    #expect(curve.range!.lowerBound > -1)
  }

  @Test func shortCurvesAreTheirValues() {
    var curve = Curve()
    for (step, value) in [(1000, 3.0), (2000, .nan), (3000, 1)] { curve.add(step, value) }
    #expect(curve.line.map(\.x) == [1000, 3000] && curve.line.map(\.y) == [3, 1])
    #expect(curve.band.isEmpty && curve.range == nil)
  }

  @Test func logsAreReadAsTheyGrow() throws {
    let folder = try TemporaryFolder()
    let path = folder / "log.jsonl"
    var reader = LogReader(path)
    func steps() throws -> [Int] {
      var steps: [Int] = []
      try reader.read { steps.append($0["step"] as! Int) }
      return steps
    }
    #expect(try steps() == [])
    try Data("{\"step\":1}\nno object\n{\"step\":2}\n{\"st".utf8)
      .write(to: URL(fileURLWithPath: path))
    #expect(try steps() == [1, 2])
    #expect(try steps() == [])
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try file.seekToEnd()
    try file.write(contentsOf: Data("ep\":3}\n".utf8))
    try file.close()
    #expect(try steps() == [3])
  }

  // MARK: The page

  private func history() -> RunHistory {
    var history = RunHistory()
    for step in 1...100 {
      _ = history.addUpdate([
        "step": step, "loss": ["<generator>": 1 / Double(step)], "gradient_norm": ["g": "nan"],
        "learning_rate": 1e-5, "seconds": 2.0, "wait_seconds": 0.5, "samples_per_second": 4.0,
        "rank_samples_per_second": [2.0, 2.5],
      ])
    }
    _ = history.addUpdate(["step": 101, "skipped": 1])
    for step in [50, 100] {
      _ = history.addValidation([
        "step": step, "figures": ["psnr": 20.0, "accuracy_8": 0.6, "accuracy_10": 0.7],
      ])
    }
    return history
  }

  private func page(_ history: RunHistory, pictures: [PreviewPictures.Picture] = []) -> String {
    var settings = TrainingRecipe.Settings()
    settings.stage = "stage<2>"
    settings.steps = 1101
    return CurvesPage(
      history: history, settings: settings, elapsed: 202, pictures: pictures, date: Date()
    ).html
  }

  @Test func thePageIsSelfContainedAndValid() throws {
    let html = page(
      history(), pictures: [.init(step: 100, width: 8, height: 4, text: "AAAA")])
    let document = try XMLDocument(data: Data(html.utf8))
    #expect(document.rootElement()?.name == "html")
    for text in ["http:", "https:", "<script", "src=\"/", "nan"] {
      #expect(!html.contains(text), "\(text)")
    }
    #expect(html.contains("101 of 1101") && html.contains("<dd>33 min 20 s</dd>"))
    #expect(html.contains("stage&lt;2&gt;") && html.contains("&lt;generator&gt;"))
    #expect(html.contains("1, the last at 101"))
    #expect(html.contains("<title>rank 1</title>"))
    #expect(html.contains("alt=\"Sheet of previews at update 100\""))
    // Scales in their order, not as text.
    let scales = html.matches(of: #/<title>scale (\d+)</title>/#).map { String($0.1) }
    #expect(scales == ["8", "10"])
    #expect(html.contains(">validation: accuracy_8</th><td>100</td><td>0.6</td>"))
  }

  @Test func aRunWithoutUpdatesHasAPage() throws {
    let html = page(RunHistory())
    _ = try XMLDocument(data: Data(html.utf8))
    #expect(html.contains("0 of 1101") && html.contains("unknown"))
  }

  @Test func manyRanksAreSummedUp() {
    var history = RunHistory()
    _ = history.addUpdate([
      "step": 1, "rank_samples_per_second": (1...64).map { Double(65 - $0) },
    ])
    let values = (history.curves[.rank] ?? [:]).mapValues { $0.last!.value }
    #expect(values == ["slowest": 1, "median": 33, "fastest": 64])
  }
}

@Suite struct EventFileTests {
  private func hexadecimal(_ data: Data) -> String {
    data.map { String(format: "%02x", $0) }.joined()
  }

  /// Values of the TFRecord format's reference and of RFC 3720, B.4 (32 bytes of 0).
  @Test func checksumsAreThoseOfTheFormat() {
    func unmasked(_ sum: UInt32) -> UInt32 {
      let rotated = sum &- 0xA282_EAD8
      return rotated >> 17 | rotated << 15
    }
    #expect(unmasked(EventFile.maskedChecksum(Data(count: 32))) == 0x8A91_36AA)
    #expect(unmasked(EventFile.maskedChecksum(Data("123456789".utf8))) == 0xE306_9283)
  }

  /// Bytes that TensorBoard's own messages serialise to.
  @Test func messagesAreTensorBoards() {
    #expect(
      hexadecimal(EventMessage.version(wallTime: 1.5))
        == "09000000000000f83f1a0d627261696e2e4576656e743a32")
    #expect(
      hexadecimal(EventMessage.sessionStart(step: 301, wallTime: 1.5))
        == "09000000000000f83f10ad023a020801")
    let values = [("loss/g", 0.5), ("learning_rate", -1e-5)]
    #expect(
      hexadecimal(EventMessage.scalars(values, step: 301, wallTime: 2.25))
        == "09000000000000024010ad022a250a0d0a066c6f73732f67150000003f0a140a0d6c6561726e696e675f"
        + "7261746515acc527b7")
    #expect(
      hexadecimal(
        EventMessage.image(
          Data([0xFF, 0xD8, 0xFF]), tag: "preview", width: 300, height: 2, step: 1, wallTime: 3))
        == "09000000000000084010012a190a170a0770726576696577220c080210ac0218032203ffd8ff")
  }

  @Test func recordsHaveTheirLengthAndChecksums() {
    #expect(
      hexadecimal(EventFile.record(EventMessage.version(wallTime: 1.5)))
        == "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c")
  }

  @Test func eachStartHasAFileOfItsOwn() throws {
    let folder = try TemporaryFolder()
    let date = Date(timeIntervalSince1970: 1_700_000_000)
    for step in [1, 6, 6] { _ = try EventFile(folder: folder.path, from: step, at: date) }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(names.count == 3 && names[0] == "events.out.tfevents.1700000000.nsarm")
    let first = EventFile.record(EventMessage.version(wallTime: 1.7e9))
    let start = EventFile.record(EventMessage.sessionStart(step: 6, wallTime: 1.7e9))
    #expect(FileManager.default.contents(atPath: folder / names[2]) == first + start)
  }
}

@Suite(.ownThreads) struct RunPagesTests {
  @Test func aResumedRunHasItsWholeHistory() throws {
    let (photos, output) = (try photos(2), try TemporaryFolder())
    let recipe = try TrainingRecipe(
      text: """
        {stage: tiny, steps: 6, batch: 2, precision: float32, validation_every: 2,
         preview_every: 4, checkpoint_every: 0,
         data: {crop: 32, degradation: bicubic, flat_threshold: 0}}
        """)
    let first = try trainer(TinyStage(), recipe, photos, output / "run", stopAfter: 3).run()
    #expect(first == .interrupted(step: 3))
    func page() throws -> String {
      try String(contentsOfFile: output / "run/curves.html", encoding: .utf8)
    }
    #expect(try page().contains("<dd>3 of 6</dd>"))
    _ = try trainer(TinyStage(), recipe, photos, output / "run").run()
    let html = try page()
    _ = try XMLDocument(data: Data(html.utf8))
    #expect(html.contains("<dd>6 of 6</dd>") && html.contains("Validation"))
    // A dot for every update of both sessions.
    let losses = html.matches(of: #/<title>generator</title>(?s:.*?)</g>/#)[0].0
    #expect(losses.matches(of: #/<circle/#).count == 6)
    #expect(html.matches(of: #/<img src="data:image/webp;base64,/#).count == 2)

    let folder = output / "run/tensorboard"
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    try #require(names.count == 2)
    // The second file begins with update 4 and holds its preview.
    let second = try #require(FileManager.default.contents(atPath: folder + "/" + names[1]))
    #expect(second.range(of: Data([0x10, 4, 0x3A, 2, 8, 1])) != nil)
    let preview = output / "run/previews/step-000004.jpg"
    #expect(second.range(of: try #require(FileManager.default.contents(atPath: preview))) != nil)
    #expect(second.range(of: Data("loss/generator".utf8)) != nil)
  }
}
