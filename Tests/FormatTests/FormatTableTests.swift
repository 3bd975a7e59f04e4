import Foundation
import Imaging
import NSARM
import SuperResolution
import TestSupport
import Testing
import Upscaling

/// Every kind of input in every format: correct colours, and no silent losses.
@Suite(.ownThreads) struct FormatTableTests {
  @Test(arguments: Variant.all) func nothingIsSilent(_ variant: Variant) throws {
    let folder = try ScratchFolder()
    for cell in try variant.cells(in: folder.path) {
      for problem in cell.problems { Issue.record("\(problem)") }
    }
  }

  /// The documentation has every row; `make formats` writes it (NSARM_FORMATS), and `make
  /// test-formats` keeps the files for other programs (NSARM_FORMATS_KEEP).
  @Test func thePageHasEveryRow() throws {
    let environment = ProcessInfo.processInfo.environment
    let page = Fixture.packageRoot.appendingPathComponent("Documentation/formats.md")
    if environment["NSARM_FORMATS"] != nil || environment["NSARM_FORMATS_KEEP"] != nil {
      let scratch = try ScratchFolder()
      let folder = environment["NSARM_FORMATS_KEEP"] ?? scratch.path
      let table = try Table(Variant.all, in: folder)
      for problem in table.problems { Issue.record("\(problem)") }
      try table.list.write(to: URL(fileURLWithPath: folder + "/pairs.json"))
      if let file = environment["NSARM_FORMATS"] {
        try table.document.write(toFile: file, atomically: true, encoding: .utf8)
      }
    }
    let lines = try String(contentsOf: page, encoding: .utf8).split(separator: "\n")
    var rows: [String] = []
    for row in Variant.all.map(Table.start) where rows.last != row { rows.append(row) }
    for row in rows { #expect(lines.contains { $0.hasPrefix(row) }, "make formats: \(row)") }
    #expect(lines.count { $0.hasPrefix("| ") } == rows.count + 2)
  }

  /// The bundled model, which changes edges.
  static let restored = Variant.all.filter { variant in
    [
      "JPEG, 8 bit", "JPEG, grey of gamma 1", "PNG, 16 bit", "PNG, transparency",
      "PNG, code points of Display P3", "PNG, EXIF, XMP, texts, 300 dpi", "TIFF, ProPhoto, 16 bit",
      "WebP, turned", "HEIC, EXIF, XMP",
    ].contains(variant.testDescription)
  }

  @Test func restoredAsWell() throws {
    #expect(Self.restored.count == 9)
    let model = Fixture.packageRoot.appendingPathComponent("Models/nano").path
    let upscaler = PhotoUpscaler(try SuperResolver(try ModelFolder(model).load()))
    let enlarger = Enlarger(scale: 4, tolerance: 3) { reader, output, options in
      try upscaler(reader, to: output, options)
    }
    let folder = try ScratchFolder()
    for (number, variant) in Self.restored.enumerated() {
      for cell in try variant.cells([.png, .avif], in: folder.path, name: "\(number)", enlarger) {
        for problem in cell.problems { Issue.record("\(problem)") }
      }
    }
  }

  /// Pairs of Sharma, Wu and Dalal (2005), table 1.
  @Test(arguments: [
    (Lab(50, 2.6772, -79.7751), Lab(50, 0, -82.7485), 2.0425),
    (Lab(50, -1.3802, -84.2814), Lab(50, 0, -82.7485), 1.0),
    (Lab(50, 0, 0), Lab(50, -1, 2), 2.3669), (Lab(50, 2.5, 0), Lab(50, 0, -2.5), 4.3065),
    (Lab(50, 2.49, -0.001), Lab(50, -2.49, 0.0011), 7.2195),
    (Lab(50, 2.5, 0), Lab(58, 24, 15), 19.4535),
    (Lab(60.2574, -34.0099, 36.2677), Lab(60.4626, -34.1751, 39.4387), 1.2644),
    (Lab(22.7233, 20.0904, -46.6940), Lab(23.0331, 14.9730, -42.5619), 2.0373),
    (Lab(2.0776, 0.0795, -1.1350), Lab(0.9033, -0.0636, -0.5514), 0.9082),
  ]) func differences(_ pair: (Lab, Lab, Double)) {
    #expect(abs(difference2000(pair.0, pair.1) - pair.2) < 1e-4)
    #expect(abs(difference2000(pair.1, pair.0) - pair.2) < 1e-4)
  }
}
